"""Places for connections: how many there are, and who gives way to a newcomer.

A place is held from the accepting of a connection to its end, so a TLS handshake holds one too. Where all are
taken, the oldest connection without a request in hand gives its place up; while each has one, or has only just
come, newcomers are left in the kernel's backlog. One source holds a part of the places only, so that it can't have
all of them busy.
"""

import asyncio
import resource
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final, Protocol

from acmedns_py.api.client import address

MOST_CONNECTIONS: Final = 1_000
FEWEST_CONNECTIONS: Final = 16
"""However few descriptors the machine allows: with less the API would be of no use at all."""

KEPT_DESCRIPTORS: Final = 128
"""What the process may need besides while strangers hold all places: connections and files of the database, pipes
of a worker that is replaced, certificates that are read again."""

SOURCE_PART: Final = 4
"""One source holds at most one in so many places; loopback and trusted proxies speak for many."""

TENURE_SECONDS: Final = 1.0
"""How long a connection has for its handshake and its first head before it can be asked to leave: in a flood each
newcomer would otherwise be thrown out by the next."""


def places_for_descriptors() -> int:
    """How many connections the limit on open files leaves room for, with those counted that are open already."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    free = soft - len(list(Path("/proc/self/fd").iterdir())) - KEPT_DESCRIPTORS
    return max(FEWEST_CONNECTIONS, min(MOST_CONNECTIONS, free))


class Guest(Protocol):
    """What sits on a place once it speaks HTTP."""

    @property
    def connected(self) -> bool:
        """Whether it is established."""

    @property
    def waits(self) -> bool:
        """Whether there is no request in hand."""

    def give_up(self) -> None:
        """Close at once."""


class Place:
    """One connection's place; until the connection is established, there is only its socket."""

    __slots__ = ("_accepted", "_places", "guest", "leaving", "since", "source")

    def __init__(self, places: "Places", accepted: socket.socket, source: str) -> None:
        self._places = places
        self._accepted = accepted
        self.source = source
        self.since = asyncio.get_running_loop().time()
        self.guest: Guest | None = None
        self.leaving = False

    @property
    def waits(self) -> bool:
        """Whether it can be given to another."""
        return not self.leaving and (self.guest is None or self.guest.waits)

    def vacate(self) -> None:
        """End the connection; the place is free when it has ended."""
        self.leaving = True
        if self.guest is not None and self.guest.connected:
            self.guest.give_up()
        else:
            # The loop takes it for the client's end; the socket itself is the loop's to close.
            with suppress(OSError):
                self._accepted.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """The connection has ended; a second call does nothing."""
        self._places.released(self)

    def idle(self) -> None:
        """The connection has answered."""
        self._places.on_change()


class Places:
    """All places; `on_change` is called whenever one may have become free, or could be made so."""

    def __init__(
        self,
        most: int,
        *,
        on_change: Callable[[], None],
        tenure_seconds: float = TENURE_SECONDS,
        trusted_proxies: Sequence[IPv4Network | IPv6Network] = (),
    ) -> None:
        """There are `most` places; proxies may hold as many of them as they like."""
        self._most = most
        self._part = max(1, most // SOURCE_PART)
        self._trusted = trusted_proxies
        self._tenure_seconds = tenure_seconds
        self._next_look: asyncio.TimerHandle | None = None
        # In the order of arrival.
        self._held: dict[Place, None] = {}
        self.on_change = on_change

    def __len__(self) -> int:
        """How many are held."""
        return len(self._held)

    def room(self) -> bool:
        """Whether a place is free now; if not, someone has been asked to leave, where there is someone to ask."""
        if len(self._held) < self._most:
            return True
        self._vacate_oldest(self._held)
        return False

    def take(self, accepted: socket.socket, source: str) -> Place | None:
        """Hold one more place; None where all that the source may hold are busy."""
        if not self._speaks_for_many(source):
            own = [place for place in self._held if place.source == source and not place.leaving]
            if len(own) >= self._part and not self._vacate_oldest(own):
                return None
        place = Place(self, accepted, source)
        self._held[place] = None
        return place

    def released(self, place: Place) -> None:
        """Count a place as free; a second call does nothing."""
        if place in self._held:
            del self._held[place]
            self.on_change()

    def vacate_unestablished(self) -> None:
        """End the connections that are not established yet."""
        for place in self._held:
            if place.guest is None or not place.guest.connected:
                place.vacate()

    def _speaks_for_many(self, source: str) -> bool:
        found = address(source)
        if found is None or found.is_loopback:
            return True
        return any(found in proxy for proxy in self._trusted if proxy.version == found.version)

    def _vacate_oldest(self, places: Iterable[Place]) -> bool:
        """Ask the first that waits to leave, if it has been there for long enough; else look again when it has."""
        for place in places:
            if place.waits:
                loop = asyncio.get_running_loop()
                until = place.since + self._tenure_seconds
                if loop.time() >= until:
                    place.vacate()
                    return True
                if self._next_look is None:
                    self._next_look = loop.call_at(until, self._look)
                return False
        return False

    def _look(self) -> None:
        self._next_look = None
        self.on_change()
