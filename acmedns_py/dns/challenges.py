"""The live TXT values by owner name, each set packed as the records of a response to a question for that owner.

A set is kept as the octets that answer for it: two octets of record count, then the records, whose owner is a pointer
to the question's name. That is smaller than the values as objects (two values take 160 octets), and a response needs
one look-up and no loop. A registered name without values has empty octets; all of those are one object.
"""

import struct
from collections.abc import Iterable, Mapping

from acmedns_py.dns.codes import RRClass, RRType
from acmedns_py.dns.rrset import txt_rdata

COUNT_OCTETS = 2

_RECORD = struct.Struct("!HHHIH")
_POINTER_TO_QUESTION = 0xC00C
_EMPTY = b""


class Challenges:
    """Challenge owners (folded) and their values at one cursor; `packed` is for reading only."""

    def __init__(self, ttl: int) -> None:
        """`ttl` in seconds is that of every TXT record here."""
        self.ttl = ttl
        self.packed: dict[bytes, bytes] = {}

    def load(self, values_by_owner: Mapping[bytes, Iterable[bytes]]) -> None:
        """Replace everything."""
        self.packed = {owner: self._pack(values) for owner, values in values_by_owner.items()}

    def put(self, owner: bytes, values: Iterable[bytes] | None) -> None:
        """Replace the values of one owner; None takes the owner out, no values leave it registered and empty."""
        if values is None:
            self.packed.pop(owner, None)
        else:
            self.packed[owner] = self._pack(values)

    def _pack(self, values: Iterable[bytes]) -> bytes:
        rdatas = [txt_rdata(value) for value in dict.fromkeys(values)]
        if not rdatas:
            return _EMPTY
        records = [
            _RECORD.pack(_POINTER_TO_QUESTION, RRType.TXT, RRClass.IN, self.ttl, len(rdata)) + rdata for rdata in rdatas
        ]
        return len(rdatas).to_bytes(COUNT_OCTETS, "big") + b"".join(records)

    def rdatas(self, owner: bytes) -> tuple[bytes, ...] | None:
        """Give the TXT RDATA of an owner, perhaps none; None where the owner is not registered."""
        packed = self.packed.get(owner)
        if packed is None:
            return None
        rdatas = []
        position = COUNT_OCTETS
        while position < len(packed):
            start = position + _RECORD.size
            position = start + int.from_bytes(packed[start - 2 : start], "big")
            rdatas.append(packed[start:position])
        return tuple(rdatas)
