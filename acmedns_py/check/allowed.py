"""Whether a host's account takes updates from where the host's client is, as far as that shows from here."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from acmedns_py.accounts.allow_from import permits
from acmedns_py.check import host_kinds as kinds
from acmedns_py.check.accounts import Account, Holders
from acmedns_py.check.finding import Finding, Kind, listed, told
from acmedns_py.check.paths import Host
from acmedns_py.check.referral import ADDRESS_TYPES, addresses_of
from acmedns_py.check.walk import Walk
from acmedns_py.config.values import IPAddress
from acmedns_py.dns import name


@dataclass(frozen=True, slots=True)
class Bound:
    """An account with a list, and where its client may be: `updated_from`, or if that is not known, its host's name.

    `public` are the addresses of that name, where all of them are addresses of the Internet.
    """

    host: Host
    account: Account
    updated_from: IPAddress | None
    public: tuple[str, ...] = ()


async def collect(walk: Walk, holders: Mapping[Host, Holders]) -> list[Bound]:
    """Look up the hosts whose accounts have a list and no address that an update came from."""
    wanted = [(host, holder.account) for host, holder in holders.items() if holder.account is not None]
    bound = [(host, account) for host, account in wanted if account.allow_from and not account.disabled]
    return await asyncio.gather(*(_bound(walk, host, account) for host, account in bound))


async def _bound(walk: Walk, host: Host, account: Account) -> Bound:
    source = _address(account.updated_from)
    # A wildcard says of no name where its client is.
    if source is not None or host.wildcard:
        return Bound(host, account, source)
    lookups = [await walk.lookup(host.name, rrtype) for rrtype in ADDRESS_TYPES]
    found = tuple(address for one in lookups for address in addresses_of(one.rrset))
    known = not any(one.broken for one in lookups) and all(ip_address(address).is_global for address in found)
    return Bound(host, account, None, found if known else ())


def judge(bounds: Iterable[Bound]) -> Iterator[Finding]:
    """Tell of lists that leave out all of these addresses; one that has any of them is taken for right."""
    for one in bounds:
        networks = f"allowfrom {listed(one.account.allow_from)}"
        if one.updated_from is not None:
            if not permits(one.account.allow_from, one.updated_from):
                seen = f"the last update came from {one.updated_from}; {networks}"
                yield _finding(kinds.SHUT_OUT, one, seen)
        elif one.public and not any(permits(one.account.allow_from, ip_address(address)) for address in one.public):
            seen = f"{one.host.text} has {listed(one.public)}; {networks}"
            yield _finding(kinds.ALLOWED_ELSEWHERE, one, seen)


def _finding(kind: Kind, bound: Bound, seen: str) -> Finding:
    account = told(name.to_text(bound.account.fulldomain).removesuffix("."))
    return Finding(kind, bound.host.text, told(seen), cure=kind.cure.replace(" NAME ", f" {account} "))


def _address(text: str) -> IPAddress | None:
    """Give where an update came from; None for what is no address, such as the operator's socket."""
    try:
        return ip_address(text)
    except ValueError:
        return None
