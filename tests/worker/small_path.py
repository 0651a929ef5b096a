"""Run in a network namespace whose path takes 600 octets: asks for 900 by UDP, then by TCP, and says what came."""

import dns.flags
import dns.message
import dns.query

from acmedns_py.dns.name import from_text
from tests.dns.example import Z
from tests.worker.running import workers

PORT = 5353
HOST = f"fifteen.{Z}"
VALUES = tuple(b"%043d" % number for number in range(15))


def main() -> None:
    """Print "TC and TCP" as the last line where UDP says TC with an OPT and TCP gives all."""
    with workers("127.0.0.1", port=PORT, challenges={from_text(HOST): VALUES}):
        query = dns.message.make_query(HOST, "TXT", use_edns=0, payload=1232)
        by_udp = dns.query.udp(query, "127.0.0.1", port=PORT, timeout=10)
        by_tcp = dns.query.tcp(query, "127.0.0.1", port=PORT, timeout=10)
    assert 600 < len(by_tcp.to_wire()) < 1232, "the answer would fit without the narrow path, or never"
    assert len(by_tcp.answer[0]) == len(VALUES)
    assert by_udp.flags & dns.flags.TC
    assert not by_udp.answer
    assert by_udp.edns == 0
    print("TC and TCP")


main()
