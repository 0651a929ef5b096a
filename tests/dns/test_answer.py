"""The answering rules, row by row: what goes in as octets and what the response must say."""

import struct

import dns.flags
import dns.rcode
import pytest

from acmedns_py.dns.responder import Responder, Transport
from tests.dns.cases import CASES, Case
from tests.dns.example import NOW, SOURCE, responder
from tests.dns.packets import ede, lines, read

_FLAGS = 0x07F0


@pytest.fixture(scope="module")
def door() -> Responder:
    return responder()


ROWS = [
    pytest.param(case, transport, id=f"{transport.value} {case.title}")
    for case in CASES
    for transport in Transport
    if not (case.udp_only and transport is Transport.TCP) and not (case.tcp_only and transport is Transport.UDP)
]


@pytest.mark.parametrize(("case", "transport"), ROWS)
def test_row(door, case: Case, transport):
    """Each row holds over each transport that it is about."""
    octets = door.respond(case.query, SOURCE, transport, NOW)
    if case.silent:
        assert octets is None
        return
    assert octets is not None
    assert len(octets) <= (65535 if transport is Transport.TCP else 1232 if case.opt else 512)
    response = read(octets)
    assert dns.rcode.to_text(response.rcode()) == case.rcode
    assert response.flags & _FLAGS == case.flags
    assert response.id == int.from_bytes(case.query[:2], "big")
    assert int(response.opcode()) == case.opcode
    assert lines(response.answer) == sorted(case.answer)
    assert lines(response.authority) == sorted(case.authority)
    assert lines(response.additional) == sorted(case.additional)
    assert len(response.question) == case.questions
    # dnspython joins equal records, so that the header is asked how many there are (dns-correctness #20).
    counts = struct.unpack_from("!4H", octets, 4)
    assert counts == (case.questions, len(case.answer), len(case.authority), len(case.additional) + case.opt)
    if case.questions:
        end = 12 + len(response.question[0].name.to_wire()) + 4
        assert octets[12:end] == case.query[12:end]
    assert response.edns == (0 if case.opt else -1)
    if case.opt:
        assert response.payload == 1232
        assert response.ednsflags & 0xFFFF == (dns.flags.DO if case.dnssec_ok else 0)
        assert ede(response) == case.ede
        codes = {int(found.otype) for found in response.options}
        assert codes == {*case.options, *([] if case.ede is None else [15])}


def test_no_row_meets_a_fault_of_ours(door):
    """No row is answered by the border that turns our own faults into SERVFAIL."""
    for case in CASES:
        for transport in Transport:
            door.respond(case.query, SOURCE, transport, NOW)
    assert door.counters()["internal_errors"] == 0
