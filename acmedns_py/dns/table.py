"""Challenge owners and their TXT values in few octets: a million names with two values each take 130 MB.

A dict of bytes takes more for its objects than for what is in them. Here some twelve names share one object, their
bucket:

    bucket = entry*    entry = head payload 0    payload = values joined by ","

where the head is the owner with the first octet of the apex and nothing behind it: the label's length, the label, the
length of the zone's first label. Lengths are below 44 and the octets of labels and values above, "," is 44. So a head
can be found in its bucket by one search, which finds no other place: what looks like a head inside a label would be as
long as its first octet says, 45 or more, and labels are shorter. Names that are not of this form (other lengths, many
values, odd octets, further down than one label) are few; they stand in a dict.

Most questions for names that don't exist need no search: beside each bucket stands a mark, 64 bits of which each name
that is or was in the bucket has set one.

The table grows by linear hashing (Litwin 1980): each name too many splits one bucket in two, in the order of their
places, so that no change ever waits for a table being built anew. A bucket is never changed but replaced, so that a
copy of the list is a snapshot. It never shrinks; an emptied bucket costs the eight octets of its place.

Which bucket is a CRC of the head, the same in every process: the buckets of one table are those of another. It is no
defence against labels that are chosen to meet in one bucket, as who may choose labels could do. So a bucket takes only
so many octets, which random labels never fill; names beyond stand in the dict, whose hash nobody outside knows.
"""

from array import array
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
from zlib import crc32

VALUE_OCTETS: Final = 43
"""What ACME clients write: a SHA-256 in base64url without padding (RFC 8555 8.4)."""

MAX_ENTRY_VALUES: Final = 4
"""More values than a renewal leaves stand in the dict: long entries would slow the names beside them."""

SEPARATOR: Final = b","
_COMMA: Final = SEPARATOR[0]
_ABOVE_COMMA: Final = bytes(range(_COMMA + 1, 256))

_NAMES_IN_A_BUCKET: Final = 12
"""Measured: eight take 2 MB more in a million names, and 0.1 us less to find one or none; sixteen the other way."""

MAX_BUCKET_OCTETS: Final = 16_384
"""Ten times the usual; a search through as many takes a microsecond."""

_MARK_SHIFT: Final = 26
"""Leaves the six highest bits of a CRC; the lowest choose the bucket."""

Values = tuple[bytes, ...]
"""The live TXT values of one challenge name, oldest first, each the whole text in octets."""


class Parts(NamedTuple):
    """All of a table: the buckets in order, the mark of each, and names of other forms."""

    buckets: list[bytes]
    marks: list[int]
    others: dict[bytes, Values]


class ChallengeTable(Mapping[bytes, Values]):
    """{owner: values} of one zone; owners are folded, values in the order in which they are served."""

    def __init__(self, apex: bytes, values_by_owner: Mapping[bytes, Values] | None = None) -> None:
        """`apex` is folded."""
        self.apex = apex
        self._head_end = 1 - len(apex)
        self._buckets: list[bytes] = [b""]
        self._marks = array("Q", [0])
        self._mask = 0
        self._common = 0
        self._others: dict[bytes, Values] = {}
        for owner, values in (values_by_owner or {}).items():
            self.put(owner, values)

    @classmethod
    def of_parts(cls, apex: bytes, parts: Parts) -> "ChallengeTable":
        """Give the table that `parts` were taken of; they are taken over."""
        table = cls(apex)
        table._buckets = parts.buckets
        table._marks = array("Q", parts.marks)
        table._mask = _mask(len(parts.buckets))
        table._common = sum(bucket.count(0) for bucket in parts.buckets)
        table._others = parts.others
        return table

    def parts(self) -> Parts:
        """Give a copy that later changes don't touch."""
        return Parts(list(self._buckets), list(self._marks), dict(self._others))

    @property
    def others(self) -> Mapping[bytes, Values]:
        """The names that are in no bucket."""
        return self._others

    def put(self, owner: bytes, values: Values | None) -> None:
        """Replace the values of one owner; None takes the owner out, no values leave it registered and empty.

        Equal values are one (dns-correctness #20).
        """
        payload = self.payload(owner)
        if payload is None:
            self._others.pop(owner, None)
        else:
            head = owner[: self._head_end]
            place = self._place(crc32(head))
            self._buckets[place] = self._buckets[place].replace(head + payload + b"\0", b"")
            self._common -= 1
        if values is not None:
            self.add(owner, tuple(dict.fromkeys(values)))

    def add(self, owner: bytes, values: Values) -> None:
        """Take in an owner that is not there; nobody looks whether it is, or whether values are equal.

        For what is known to be so: a million come at the start.
        """
        payload = SEPARATOR.join(values)
        head = owner[: self._head_end]
        crc = crc32(head)
        if not self._is_common(owner, payload, len(values)) or len(self._buckets[self._place(crc)]) > MAX_BUCKET_OCTETS:
            self._others[owner] = values
            return
        self._enter(crc, head + payload)
        self._common += 1
        if self._common > _NAMES_IN_A_BUCKET * len(self._buckets):
            self._split()

    def _is_common(self, owner: bytes, payload: bytes, values: int) -> bool:
        separators = SEPARATOR * (values - 1)
        label = owner[1 : self._head_end - 1]
        return (
            values <= MAX_ENTRY_VALUES
            and len(payload) == values * VALUE_OCTETS + len(separators)
            and payload[VALUE_OCTETS :: VALUE_OCTETS + 1] == separators
            and owner.endswith(self.apex)
            and owner[0] == len(label) < _COMMA > self.apex[0]
            and (label + payload).translate(None, _ABOVE_COMMA) == separators
        )

    def _enter(self, crc: int, entry: bytes) -> None:
        place = self._place(crc)
        self._buckets[place] += entry + b"\0"
        self._marks[place] |= 1 << (crc >> _MARK_SHIFT)

    def _place(self, crc: int) -> int:
        place = crc & self._mask
        return place if place < len(self._buckets) else place & self._mask >> 1

    def _split(self) -> None:
        """Add one bucket and move there what belongs into it."""
        added = len(self._buckets)
        self._mask = _mask(added + 1)
        split = added & self._mask >> 1
        entries = self._buckets[split].split(b"\0")[:-1]
        self._buckets[split], self._marks[split] = b"", 0
        self._buckets.append(b"")
        self._marks.append(0)
        for entry in entries:
            self._enter(crc32(entry[: entry[0] + 2]), entry)

    def payload(self, owner: bytes) -> bytes | None:
        """Give the values of an owner in a bucket, joined by `SEPARATOR`; None where it is in none."""
        head = owner[: self._head_end]
        marks = self._marks
        crc = crc32(head)
        place = crc & self._mask
        if place >= len(marks):
            place &= self._mask >> 1
        if not marks[place] >> (crc >> _MARK_SHIFT) & 1:
            return None
        bucket = self._buckets[place]
        at = bucket.find(head)
        # What was found is the owner's head, unless the question is not for one label in the zone, or holds an octet 0
        # and with it the end of one entry.
        if at < 0 or not owner.endswith(self.apex) or owner[0] + 2 != len(head) or 0 in head:
            return None
        start = at + len(head)
        return bucket[start : bucket.index(0, start)]

    def __getitem__(self, owner: bytes) -> Values:
        payload = self.payload(owner)
        return self._others[owner] if payload is None else _values(payload)

    def __contains__(self, owner: object) -> bool:
        return isinstance(owner, bytes) and (self.payload(owner) is not None or owner in self._others)

    def __iter__(self) -> Iterator[bytes]:
        for bucket in self._buckets:
            for entry in bucket.split(b"\0")[:-1]:
                yield self._owner(entry)
        yield from self._others

    def _owner(self, entry: bytes) -> bytes:
        return entry[: entry[0] + 1] + self.apex

    def differing(self, other: "ChallengeTable") -> set[bytes]:
        """Give the owners that stand in only one of two tables of a zone, or with other values."""
        for table in (self, other):
            while len(table._buckets) < max(len(self._buckets), len(other._buckets)):  # noqa: SLF001 - its own class
                table._split()  # noqa: SLF001
        found = {
            self._owner(entry)
            for mine, theirs in zip(self._buckets, other._buckets, strict=True)  # noqa: SLF001
            if mine != theirs
            for entry in set(mine.split(b"\0")) ^ set(theirs.split(b"\0"))
            if entry
        }
        found |= self._others.keys() | other._others.keys()  # noqa: SLF001
        # A name may stand in a bucket of one and in the dict of the other.
        return {owner for owner in found if self.get(owner) != other.get(owner)}

    def __len__(self) -> int:
        return self._common + len(self._others)


def _mask(buckets: int) -> int:
    """Give the mask for the bits of a hash that a place is taken from: the lowest, enough of them for every bucket."""
    return (1 << (buckets - 1).bit_length()) - 1


def _values(payload: bytes) -> Values:
    return tuple(payload.split(SEPARATOR)) if payload else ()
