"""What the operator decides about every response, and what follows from it for OPT and class CH."""

from collections.abc import Mapping
from dataclasses import dataclass

from acmedns_py.dns.codes import EDE, Rcode
from acmedns_py.dns.cookie import Cookies, Judgement, is_malformed
from acmedns_py.dns.edns import COOKIE, KEEPALIVE, NSID, Edns, ede_option, opt_record, option
from acmedns_py.dns.message import Transport
from acmedns_py.dns.name import from_text
from acmedns_py.dns.ratelimit import RATE_LIMITED
from acmedns_py.dns.source import address

MAX_TOLD_OCTETS = 198
"""What 512 octets leave to an identity beside header, longest question, OPT, the head of its option, and a cookie."""

_MOST_KEEPALIVE = 0xFFFF
_VERSION_NAMES = (from_text("version.bind"), from_text("version.server"))
_IDENTITY_NAMES = (from_text("id.server"), from_text("hostname.bind"))


@dataclass(frozen=True, slots=True)
class Policy:
    """Operator's choices.

    `identity` and `version` are told to whoever asks (RFC 4892, 5001), not at all where empty. `tcp_idle_seconds` is
    what keep-alive tells (RFC 7828). `responses_per_second` limits equal answers over UDP to one network; 0: no limit.
    """

    cookie_secrets: tuple[bytes, ...]
    identity: bytes = b""
    version: bytes = b""
    tcp_idle_seconds: float = 10.0
    responses_per_second: int = 0


class Options:
    """The EDNS options of responses."""

    def __init__(self, policy: Policy) -> None:
        """Take the policy; the secrets of `cookies` may be exchanged later."""
        self.cookies = Cookies(policy.cookie_secrets)
        self._nsid = option(NSID, policy.identity) if policy.identity else b""
        # The timer is told in units of 100 ms (RFC 7828 3.1).
        units = min(int(policy.tcp_idle_seconds * 10), _MOST_KEEPALIVE)
        self._keepalive = option(KEEPALIVE, units.to_bytes(2, "big"))

    def judged(self, edns: Edns | None, source: bytes, unix: float) -> Judgement | None:
        """Judge the cookie of a query with this OPT; None where there is none that could be judged."""
        if edns is None or edns.cookie is None or is_malformed(edns.cookie):
            return None
        return self.cookies.judged(edns.cookie, address(source), unix)

    def reply(self, edns: Edns, judged: Judgement | None, transport: Transport) -> bytes:
        """Give what goes into the OPT of the response to a query with this OPT and cookie."""
        options = b"" if judged is None else option(COOKIE, judged.reply)
        if edns.nsid_asked:
            options += self._nsid
        if edns.keepalive_asked and transport is Transport.TCP:
            options += self._keepalive
        return options


def badcookie_opt(edns: Edns, judged: Judgement) -> bytes:
    """Give the OPT of BADCOOKIE for a query over the rate limit whose cookie proves nothing.

    It teaches a fresh cookie and holds nothing that would make it longer than it must be (RFC 7873 5.2.3).
    """
    return opt_record(edns, Rcode.BADCOOKIE, option(COOKIE, judged.reply) + ede_option(EDE.OTHER, RATE_LIMITED))


def texts(policy: Policy) -> Mapping[bytes, bytes]:
    """Give what the server says of itself in class CH, by owner."""
    said = dict.fromkeys(_VERSION_NAMES, policy.version) | dict.fromkeys(_IDENTITY_NAMES, policy.identity)
    return {owner: text for owner, text in said.items() if text}
