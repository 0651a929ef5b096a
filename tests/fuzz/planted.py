"""Target: the gate with a fault put into it, to show that fuzzing finds such faults.

The fault is a bound that is wrong by one: a question that lacks its last octet is taken for a whole one.
"""

from acmedns_py.dns import wire
from tests.fuzz import gate

check = gate.check
_exact = wire._question_end


def _one_too_far(octets: bytes) -> int:
    return _exact(octets) or _exact(octets + b"\0")


wire._question_end = _one_too_far
