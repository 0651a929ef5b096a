"""What our server's operator routes know of the accounts that hosts' names lead to."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from acmedns_py.accounts import title
from acmedns_py.accounts.allow_from import is_network
from acmedns_py.check.deadline import Deadline
from acmedns_py.check.paths import Ending, Host, Link, Path, host_from_text
from acmedns_py.check.routes import Routes, read, read_name
from acmedns_py.dns import name
from acmedns_py.errors import AcmednsError

_ACCOUNTS: Final = "/admin/v1/accounts"

_HOST_NAME: Final = re.compile(
    r"(\*\.)?([A-Za-z0-9_]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
)
"""With a dot, and no digits at the end: no address."""

_UNKNOWN: Final = "unknown_account"

_MOST_LABELLED: Final = 100
"""Accounts whose label has a host's name in it, and that are looked at for one that is called just so."""

_MOST_SEARCHED: Final = 100
"""Hosts for which labels are searched: the database reads every account for each."""


MOST_LABELLED_HOSTS: Final = 1_000
"""That are checked without being named: each takes some ten questions."""

_MOST_PAGES: Final = 20
_PAGE: Final = 1_000
"""Accounts whose labels are read for it, 20,000 in all: it is another's database that pays."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account: its complete name, folded, what people call it, and whether it is disabled.

    `allow_from` are the networks that its client may update from, none for all; `updated_from` is where its last update
    came from, empty where there was none.
    """

    fulldomain: bytes
    label: str
    disabled: bool
    allow_from: tuple[str, ...] = ()
    updated_from: str = ""

    def is_for(self, host: Host) -> bool:
        """Whether its label names this host, or the wildcard beside it; several are listed with commas."""
        return title.is_for(self.label, _text(host.name))

    @property
    def names_others(self) -> bool:
        """Whether its label looks like the names of hosts, so that one which is not among them is a mistake."""
        return all("." in part.strip() and " " not in part.strip() for part in self.label.split(","))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that its label lists, none where it is another text."""
        if not self.names_others:
            return ()
        found = tuple(part.strip() for part in self.label.split(","))
        # A longer list was cut when the account was made, perhaps within a name.
        return found[:-1] if len(self.label) >= title.MOST_CHARACTERS else found


@dataclass(frozen=True, slots=True)
class Holders:
    """For one host: the account at the end of its path, None for none, and those whose label names the host.

    `values` are those that the latter have, looked up where TXT records stand in the place of the alias.
    """

    account: Account | None
    labelled: tuple[Account, ...] = ()
    values: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Labelled:
    """Hosts that labels of accounts name: those to check, at most `MOST_LABELLED_HOSTS`.

    `missed` says, where there are others, how many were left out, and is empty else; `unread` why labels were not read.
    """

    hosts: tuple[Host, ...] = ()
    missed: str = ""
    unread: str = ""


def labelled_hosts(routes: Routes) -> Labelled:
    """Read the hosts that labels name, of accounts in use alone; raises `AcmednsError`.

    Before a client's first update its host need not be ready.
    """
    found: dict[Host, None] = {}
    after: int | None = 0
    for _ in range(_MOST_PAGES):
        query = {"never_updated": "false", "disabled": "false", "after": str(after), "limit": str(_PAGE)}
        page = read(routes.ask("GET", _ACCOUNTS, query=query), _Page)
        for one in page.accounts:
            found.update(dict.fromkeys(_hosts(_account(one))))
        after = page.next
        if after is None:
            break
    hosts = tuple(found)
    missed = []
    if len(hosts) > MOST_LABELLED_HOSTS:
        missed.append(f"the first {MOST_LABELLED_HOSTS:,} of {len(hosts):,} hosts were looked at")
    if after is not None:
        missed.append(f"labels of more than {_MOST_PAGES * _PAGE:,} accounts are not read")
    return Labelled(hosts[:MOST_LABELLED_HOSTS], "; ".join(missed))


def _hosts(account: Account) -> Iterator[Host]:
    """Give the hosts of its label, but what only looks like one, as an address does."""
    for text in account.hosts:
        with suppress(name.InvalidName):
            if _HOST_NAME.fullmatch(text):
                yield host_from_text(text)


@dataclass(frozen=True, slots=True)
class Held:
    """The accounts of hosts; hosts that there was no time for are not among them.

    `unsearched` is for how many no account was looked for whose label names them, beside the one that they lead to.
    """

    of: Mapping[Host, Holders]
    unsearched: int = 0


async def holders(routes: Routes, paths: Sequence[Path], deadline: Deadline) -> Held:
    """Ask for the accounts of hosts, one after the other, as the routes have one connection; raises `AcmednsError`."""
    asking = _Asking(routes)
    with suppress(TimeoutError):
        await deadline.blocking(lambda: asking.ask(paths, deadline))
    return Held(dict(asking.found), asking.unsearched)


class _Asking:
    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._searches = _MOST_SEARCHED
        self.unsearched = 0
        self.found: dict[Host, Holders] = {}

    def ask(self, paths: Sequence[Path], deadline: Deadline) -> None:
        for path in paths:
            if deadline.over:
                return
            self.found[path.host] = self._holders(path)

    def _holders(self, path: Path) -> Holders:
        found = self._at(path.last) if path.ending is Ending.REACHED else None
        if found is not None and found.is_for(path.host):
            return Holders(found, (found,))
        labelled = self._labelled(path.host)
        return Holders(found, labelled, self._values(labelled) if path.txt_instead else frozenset())

    def _values(self, accounts: Sequence[Account]) -> frozenset[bytes]:
        told = (read(self._routes.ask("GET", _path(one.fulldomain)), _Valued) for one in accounts)
        return frozenset(value.txt.encode() for account in told for value in account.values)

    def _at(self, link: Link) -> Account | None:
        # Accounts have names directly below the zone, and no other ones.
        if link.owner == link.cut.apex or name.parent(link.owner) != link.cut.apex:
            return None
        try:
            document = self._routes.ask("GET", _path(link.owner))
        except AcmednsError as error:
            if getattr(error, "word", "") == _UNKNOWN:
                return None
            raise
        return _account(read(document, _Told))

    def _labelled(self, host: Host) -> tuple[Account, ...]:
        if not self._searches:
            self.unsearched += 1
            return ()
        self._searches -= 1
        query = {"label": _text(host.name), "limit": str(_MOST_LABELLED)}
        listed = map(_account, read(self._routes.ask("GET", _ACCOUNTS, query=query), _Page).accounts)
        return tuple(one for one in listed if one.is_for(host))


class _Told(msgspec.Struct):
    fulldomain: str
    label: str
    disabled: bool
    allowfrom: tuple[str, ...] = ()
    last_update_from: str | None = None


class _Value(msgspec.Struct):
    txt: str


class _Valued(msgspec.Struct):
    values: list[_Value]


class _Page(msgspec.Struct):
    accounts: list[_Told]
    next: int | None = None


def _account(one: _Told) -> Account:
    allow_from = tuple(text for text in one.allowfrom if is_network(text))
    return Account(read_name(one.fulldomain), one.label, one.disabled, allow_from, one.last_update_from or "")


def _path(fulldomain: bytes) -> str:
    return f"{_ACCOUNTS}/{quote(_text(fulldomain), safe='')}"


def _text(owner: bytes) -> str:
    return name.to_text(owner).removesuffix(".")
