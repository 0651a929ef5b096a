"""Places for connections: their number and the part of one source; how connections give way is in test_http."""

import resource
import socket
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
import pytest_asyncio

from acmedns_py.api import places
from acmedns_py.api.places import Places, places_for_descriptors


class Busy:
    """A connection with a request in hand."""

    connected = True
    waits = False

    def give_up(self) -> None:
        """Never asked to."""
        raise AssertionError


@pytest.fixture
def accepted() -> Iterator[socket.socket]:
    """Any socket."""
    with socket.socket() as sock:
        yield sock


@pytest_asyncio.fixture
async def sixteen() -> Places:
    """Room for sixteen, four of one source."""
    return Places(16, on_change=lambda: None, tenure_seconds=0.0, trusted_proxies=[ip_network("198.51.100.0/24")])


def filled(held: Places, accepted: socket.socket, source: str) -> int:
    """How many busy connections one source gets in."""
    count = 0
    while held.room() and (place := held.take(accepted, source)) is not None:
        place.guest = Busy()
        count += 1
    return count


async def test_one_source_holds_a_quarter(sixteen, accepted):
    """Other sources find places free."""
    assert filled(sixteen, accepted, "192.0.2.1") == 4
    assert filled(sixteen, accepted, "::ffff:192.0.2.1") == 4
    assert filled(sixteen, accepted, "2001:db8::1") == 4


@pytest.mark.parametrize("source", ["127.0.0.1", "::1", "198.51.100.7", "::ffff:198.51.100.7"])
async def test_loopback_and_proxies_hold_all(sixteen, accepted, source):
    """Behind them are many."""
    assert filled(sixteen, accepted, source) == 16


async def test_source_that_holds_its_part_gives_up_its_oldest_that_waits(sixteen, accepted):
    """And nobody else's."""
    other = sixteen.take(accepted, "192.0.2.2")
    own = [sixteen.take(accepted, "192.0.2.1") for _ in range(4)]
    own[0].guest = Busy()
    assert sixteen.take(accepted, "192.0.2.1") is not None
    assert [place.leaving for place in (other, *own)] == [False, False, True, False, False]


def test_places_leave_descriptors_free():
    """A flood of the API must not take those of the database and of the workers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(list(Path("/proc/self/fd").iterdir()))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 500, hard))
        assert places_for_descriptors() == 500 - places.KEPT_DESCRIPTORS
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 10, hard))
        assert places_for_descriptors() == places.FEWEST_CONNECTIONS
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        assert places_for_descriptors() <= places.MOST_CONNECTIONS
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
