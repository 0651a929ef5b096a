"""Who is asking: the address behind a request, and the credential or the token that it shows.

acme-dns tries every address of the forwarding header, so a client can let itself in by sending the header. Here
only our own proxies are believed: where the connection comes from one of `trusted_proxies`, the header is read
from the right, and the first address that is not such a proxy is the client.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import hdrs, web

from acmedns_py.accounts.credentials import Login
from acmedns_py.accounts.token_text import has_form
from acmedns_py.api.authorization import secret
from acmedns_py.api.visit import Visit


@dataclass(frozen=True, slots=True)
class ForwardedBy:
    """Whose word is taken for the client's address: these proxies', in this header."""

    header_name: str
    trusted_proxies: Sequence[IPv4Network | IPv6Network]


def client_address(request: web.BaseRequest, forwarded_by: ForwardedBy | None) -> IPv4Address | IPv6Address | None:
    """The client's address; None where there is none, or where a proxy's header can't be read.

    A header without an untrusted address gives its left-most one: then the client is itself among the proxies.
    """
    peer = address(request.remote or "")
    if forwarded_by is None or peer is None or not _trusted(peer, forwarded_by):
        return peer
    hops = ",".join(request.headers.getall(forwarded_by.header_name, ())).split(",")
    client = peer
    for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
        found = address(hop)
        if found is None:
            return None
        client = found
        if not _trusted(found, forwarded_by):
            break
    return client


def login(request: web.BaseRequest, source: IPv4Address | IPv6Address | None) -> Login:
    """The credential shown in `X-Api-User` and `X-Api-Key`; a header that is doubled counts as absent.

    `Authorization` is never looked at: Posh-ACME and simple-acme send it, sometimes empty or broken (clients #9).
    """
    return Login(username=_single(request, "X-Api-User"), password=_single(request, "X-Api-Key"), source=source)


def shown_token(request: web.BaseRequest, visit: Visit) -> str | None:
    """What stands before the route or in `Authorization` and has the form of a registration token; else None.

    The path goes first, since `Authorization` may be meant for a proxy.
    """
    return visit.prefix if visit.prefix is not None else authorization_token(request)


def authorization_token(request: web.BaseRequest) -> str | None:
    """What `Authorization` holds and has the form of a token; else None."""
    shown = secret(_single(request, hdrs.AUTHORIZATION))
    return shown if has_form(shown) else None


@lru_cache(maxsize=4096)
def address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text holds, as IPv4 where it is one inside IPv6; ports, brackets and zones are dropped."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _trusted(found: IPv4Address | IPv6Address, forwarded_by: ForwardedBy) -> bool:
    return any(found in proxy for proxy in forwarded_by.trusted_proxies if proxy.version == found.version)


def _single(request: web.BaseRequest, header: str) -> str:
    values = request.headers.getall(header, ())
    return values[0] if len(values) == 1 else ""
