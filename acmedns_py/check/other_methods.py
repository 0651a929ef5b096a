"""Hosts that are proved by dns-account-01 or dns-persist-01, each of which has challenge names of its own.

Such a name can be an alias of an account here as well (docs/other-challenges.md), and `_acme-challenge` is not needed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from acmedns_py.accounts.challenge_label import challenge_label
from acmedns_py.check.paths import Ending, Host, Path, walk_path
from acmedns_py.check.walk import Walk
from acmedns_py.dns import name

_PERSIST: Final = b"\x13_validation-persist"


async def walk_host(walk: Walk, host: Host, zone: bytes, account_urls: Iterable[str], *, nonce: bytes) -> Path:
    """Walk from the host's challenge name, or where there is none from that of another method which leads to `zone`.

    `account_urls` are those of clients' ACME accounts, each of which has a name for dns-account-01.
    """
    path = await walk_path(walk, host, zone, nonce=nonce)
    if not path.missing:
        return path
    in_vain: list[bytes] = []
    for other in _others(host, account_urls):
        found = await walk_path(walk, other, zone, nonce=nonce)
        if found.ending is Ending.REACHED:
            return found
        in_vain.append(other.challenge)
    return replace(path, in_vain=tuple(in_vain))


def _others(host: Host, account_urls: Iterable[str]) -> Iterator[Host]:
    labels = [_PERSIST, *(_label(url) + host.labels for url in sorted(account_urls))]
    others = (replace(host, labels=one) for one in labels)
    return (other for other in others if len(other.challenge) <= name.MAX_NAME_OCTETS)


def _label(url: str) -> bytes:
    label = challenge_label(url).encode()
    return bytes((len(label),)) + label
