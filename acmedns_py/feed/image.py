"""The zone as the control process knows it to be committed: what a new worker is fed from, whatever the database does.

The image is changed by `apply` alone, in cursor order, and never awaits; so a snapshot begun between two calls is
whole, and every commit that comes behind it can be sent as it is.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from acmedns_py.dns.table import Parts
from acmedns_py.feed.changes import Commit, StaticData, ZoneState
from acmedns_py.feed.frames import Challenges, Frame, Loaded, Static

CHUNK_OCTETS: Final = 256 * 1024
"""About the size of one frame of a snapshot: neither side's loop is held for more than a few ms."""

NAME_OCTETS: Final = 64
"""What a name without values counts in a chunk."""

T = TypeVar("T")


class ZoneImage:
    """Static RRsets and challenge names at one cursor."""

    def __init__(self, state: ZoneState) -> None:
        """Take over what the store has loaded."""
        self.cursor = state.cursor
        self._challenges = state.challenges
        self._static: dict[tuple[bytes, int], StaticData] = state.static

    @property
    def serial(self) -> int:
        """The SOA serial: the low 32 bits of the cursor (RFC 1982 arithmetic applies)."""
        return self.cursor & 0xFFFF_FFFF

    def holds(self, owner: bytes) -> bool:
        """Whether that is a challenge name."""
        return owner in self._challenges

    def state(self) -> ZoneState:
        """Give the whole zone as it is; not a copy, for reading before the next `apply`."""
        return ZoneState(self.cursor, self._challenges, self._static)

    def apply(self, commit: Commit) -> None:
        """Take one commit; cursors only grow."""
        assert commit.cursor > self.cursor, f"commit {commit.cursor} behind {self.cursor}"
        for challenge in commit.challenges:
            self._challenges.put(challenge.owner, challenge.after)
        for static in commit.static:
            if static.after is None:
                self._static.pop((static.owner, static.rrtype), None)
            else:
                self._static[(static.owner, static.rrtype)] = static.after
        self.cursor = commit.cursor

    def snapshot(self) -> Iterator[Frame]:
        """Give the frames of a snapshot as it is at this call, however late they are taken.

        The copy is of references to buckets: 1 MB for 1,000,000 names.
        """
        static = tuple((owner, rrtype, data) for (owner, rrtype), data in self._static.items())
        return _snapshot(self.cursor, static, self._challenges.parts())


def _snapshot(
    cursor: int,
    static: tuple[tuple[bytes, int, StaticData], ...],
    parts: Parts,
) -> Iterator[Frame]:
    yield Static(static)
    sent = 0
    for buckets in _chunks(parts.buckets, len):
        yield Challenges(tuple(buckets), tuple(parts.marks[sent : sent + len(buckets)]), ())
        sent += len(buckets)
    for names in _chunks(parts.others.items(), lambda name: NAME_OCTETS + sum(map(len, name[1]))):
        yield Challenges((), (), tuple(names))
    yield Loaded(cursor)


def _chunks(things: Iterable[T], octets: Callable[[T], int]) -> Iterator[list[T]]:
    """Give the things in lists of about `CHUNK_OCTETS`."""
    chunk: list[T] = []
    room = CHUNK_OCTETS
    for thing in things:
        chunk.append(thing)
        room -= octets(thing)
        if room <= 0:
            yield chunk
            chunk, room = [], CHUNK_OCTETS
    yield chunk
