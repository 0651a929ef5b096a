"""Target: one message through the door of the core, over UDP and TCP, on the zone of the exam."""

from acmedns_py.dns import wire
from acmedns_py.dns.answer import response_to
from acmedns_py.dns.fastpath import FastPath
from acmedns_py.dns.responder import Transport
from tests.dns import wellformed
from tests.dns.example import NOW, SOURCE, responder

DOOR = responder()


def full_path(octets: bytes, transport: Transport) -> bytes | None:
    """Answer without the fast path."""
    response = response_to(octets, DOOR._zone, transport, loaded=True)
    return None if response is None else wire.render(response, transport)


def check(octets: bytes) -> None:
    """Whatever comes in gets a well-formed answer or, where that is due, silence; both paths give the same octets."""
    # What earlier messages taught must not make this one's outcome another, or nothing found could be repeated.
    DOOR._fast_path = FastPath(DOOR._zone)
    DOOR._fast_path.changed()
    for transport in Transport:
        response = DOOR.respond(octets, SOURCE, transport, NOW)
        assert DOOR.counters()["internal_errors"] == 0, "an exception inside"
        assert response == full_path(octets, transport), "fast path and full path differ"
        assert response == DOOR.respond(octets, SOURCE, transport, NOW), "the second answer is another one"
        wellformed.check(octets, response, transport)
        if response is not None:
            wellformed.check_truncated(response, DOOR.truncated(response))
