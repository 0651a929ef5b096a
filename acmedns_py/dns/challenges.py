"""The live TXT values by owner name, and the records that answer for them.

What is answered is a set's octets: two octets of record count, then the records, whose owner is a pointer to the
question's name; a registered name without values has empty octets. They are made of the table's at the first question
and kept for the next ones: a client and the CA's resolvers ask for the same name within a minute.
"""

import struct
from typing import Final

from acmedns_py.dns.codes import RRClass, RRType
from acmedns_py.dns.rrset import txt_rdata
from acmedns_py.dns.table import MAX_ENTRY_VALUES, SEPARATOR, VALUE_OCTETS, ChallengeTable, Values

COUNT_OCTETS: Final = 2

HOT_OCTETS: Final = 4 * 1024 * 1024
"""Room for what was asked lately, emptied when full: 11,000 names with two values each."""

_HOT_NAME_OCTETS: Final = 256
"""What a name takes there besides its records: two objects and a place in a dict, rounded up."""

_KEPT_ONE_IN: Final = 4
"""Not each first question puts a name there: where a million names are asked in turn, keeping them is for nothing."""

_RECORD = struct.Struct("!HHHIH")
_POINTER_TO_QUESTION = 0xC00C


class Challenges:
    """Challenge owners (folded) and their values at one cursor; `hot` is for reading only."""

    def __init__(self, apex: bytes, ttl: int) -> None:
        """`ttl` in seconds is that of every TXT record here.

        `hot` are records that were asked for lately; a name that is not among them may exist all the same.
        """
        self.ttl = ttl
        self.hot: dict[bytes, bytes] = {}
        self._hot_room = HOT_OCTETS
        self._made = 0
        self._table = ChallengeTable(apex)
        # What stands before each value in place of the table's separator; before the first of so many, their count too.
        self._head = self._record_head(VALUE_OCTETS + 1) + bytes((VALUE_OCTETS,))
        self._starts = [count.to_bytes(COUNT_OCTETS, "big") + self._head for count in range(MAX_ENTRY_VALUES + 1)]

    def load(self, table: ChallengeTable) -> None:
        """Replace everything; the table is taken over."""
        self._table = table
        self._cool()

    def put(self, owner: bytes, values: Values | None) -> None:
        """Replace the values of one owner; None takes the owner out, no values leave it registered and empty."""
        self._table.put(owner, values)
        self.hot.pop(owner, None)

    def packed(self, owner: bytes) -> bytes | None:
        """Give the records of an owner that is not in `hot`, perhaps none; None where the owner is not registered."""
        payload = self._table.payload(owner)
        if payload:
            packed = self._starts[len(payload) // VALUE_OCTETS] + payload.replace(SEPARATOR, self._head)
        elif payload is not None:
            packed = payload
        elif (values := self._table.others.get(owner)) is not None:
            packed = self._pack(values)
        else:
            return None
        self._made += 1
        if not self._made % _KEPT_ONE_IN:
            self._hot_room -= _HOT_NAME_OCTETS + len(packed)
            if self._hot_room < 0:
                self._cool()
            self.hot[owner] = packed
        return packed

    def _cool(self) -> None:
        self.hot.clear()
        self._hot_room = HOT_OCTETS

    def _pack(self, values: Values) -> bytes:
        if not values:
            return b""
        count = len(values).to_bytes(COUNT_OCTETS, "big")
        if {*map(len, values)} == {VALUE_OCTETS}:
            return count + self._head + self._head.join(values)
        rdatas = map(txt_rdata, values)
        return count + b"".join(self._record_head(len(rdata)) + rdata for rdata in rdatas)

    def _record_head(self, rdata_octets: int) -> bytes:
        return _RECORD.pack(_POINTER_TO_QUESTION, RRType.TXT, RRClass.IN, self.ttl, rdata_octets)

    def rdatas(self, owner: bytes) -> tuple[bytes, ...] | None:
        """Give the TXT RDATA of an owner, perhaps none; None where the owner is not registered."""
        values = self._table.get(owner)
        return None if values is None else tuple(map(txt_rdata, values))

    def __contains__(self, owner: bytes) -> bool:
        return owner in self._table
