"""Target: one message through the door of the core, over UDP and TCP, on the zone of the exam."""

from dataclasses import replace

from acmedns_py.dns.fastpath import FastPath
from acmedns_py.dns.policy import MAX_TOLD_OCTETS
from acmedns_py.dns.ratelimit import WINDOW_SECONDS
from acmedns_py.dns.responder import Responder, Transport
from tests.dns import wellformed
from tests.dns.example import NOW, POLICY, SOURCE, full_path, responder

# The longest texts that the configuration takes, so that there is least room beside them.
TOLD = replace(POLICY, identity=b"i" * MAX_TOLD_OCTETS, version=b"v" * MAX_TOLD_OCTETS)
DOOR = responder(policy=TOLD)
LIMITED = responder(policy=replace(TOLD, responses_per_second=1))


def forget(door: Responder) -> None:
    """Let what earlier messages taught not make this one's outcome another, or nothing found could be repeated."""
    door._fast_path = FastPath(door._zone, door._options, door.asked)
    door._fast_path.changed()


def check(octets: bytes) -> None:
    """Whatever comes in gets a well-formed answer or, where that is due, silence; both paths give the same octets."""
    forget(DOOR)
    for transport in Transport:
        response = DOOR.respond(octets, SOURCE, transport, NOW)
        assert DOOR.counters()["internal_errors"] == 0, "an exception inside"
        assert response == full_path(DOOR, octets, transport), "fast path and full path differ"
        assert response == DOOR.respond(octets, SOURCE, transport, NOW), "the second answer is another one"
        wellformed.check(octets, response, transport)
        if response is not None:
            wellformed.check_truncated(response, DOOR.truncated(response))
    check_limited(octets)


def check_limited(octets: bytes) -> None:
    """The second equal answer within a window is over the limit: not longer than the query's own question makes it."""
    forget(LIMITED)
    LIMITED._rate_limit._ends = NOW.monotonic
    LIMITED.respond(octets, SOURCE, Transport.UDP, NOW)
    limited = LIMITED.respond(octets, SOURCE, Transport.UDP, NOW._replace(monotonic=NOW.monotonic + WINDOW_SECONDS / 2))
    assert LIMITED.counters()["internal_errors"] == 0, "an exception inside"
    wellformed.check(octets, limited, Transport.UDP)
    if limited is not None:
        assert limited[2] & 2 or limited[3] & 15 == 7, "an answer over the limit"
