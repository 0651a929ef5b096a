"""Target: any text as a line of a static record, and what was taken through all of its forms and back."""

import dns.rdata
import dns.rdataclass

from acmedns_py.dns import wire
from acmedns_py.dns.codes import RRType
from acmedns_py.dns.message import Response, Transport
from acmedns_py.dns.name import from_text, to_text
from acmedns_py.dns.presentation import BadRecord, parse_record
from tests.dns.packets import query, read

ORIGIN = from_text("example.org")
NOT_EXACT = {RRType.LOC}
"""Where the text that dnspython writes is not the text of the data: it rounds degrees and metres."""

ASKED = wire.parse(query(ORIGIN, "ANY"))


def check(octets: bytes) -> None:
    """Only `BadRecord` comes out; a record that is taken has text that is read as the same, and can be sent."""
    line = octets.decode("utf-8", "replace")
    try:
        rrset = parse_record(line, origin=ORIGIN, default_ttl=300)
    except BadRecord as error:
        assert str(error), "a refusal without a reason"
        assert len(str(error)) < 1000, "a refusal longer than anybody reads"
        return
    (rdata,) = rrset.rdatas
    head = f"{to_text(rrset.owner)} {rrset.ttl} IN TYPE{rrset.rrtype}"
    texts = [rf"\# {len(rdata)} {rdata.hex()}"]
    if rrset.rrtype not in NOT_EXACT and r"\#" not in line:
        # Data in the generic form need have no text: an empty key, for one.
        texts.append(dns.rdata.from_wire(dns.rdataclass.IN, rrset.rrtype, rdata, 0, len(rdata)).to_text())
    for text in texts:
        again = parse_record(f"{head} {text}", origin=ORIGIN, default_ttl=1)
        assert again == rrset, f"{text!r} is read as other data"
    response = read(wire.render(Response(ASKED, answer=(rrset,)), Transport.TCP))
    (sent,) = response.answer
    assert sent.name.to_wire() == rrset.owner, "sent with another owner"
    assert (sent.ttl, int(sent.rdtype)) == (rrset.ttl, rrset.rrtype), "sent with another TTL or type"
    assert sent[0].to_wire() == rdata, "sent with other data"
