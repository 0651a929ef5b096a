"""Which tests hold each case of the list that the exam was made from, "dns-correctness #NN".

The list itself is not in this repository, so that each case stands here in a few words. The first file is the exam's,
which any server takes, where a packet can show the case at all.
"""

EXAM = "tests/conformance/test_"


def _exam(*names: str) -> tuple[str, ...]:
    return tuple(f"{EXAM}{name}.py" for name in names)


NUMBERS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("SOA of the apex, header bit by bit", _exam("rfc1035")),
    2: ("flags of a query change nothing", _exam("rfc8906")),
    3: ("RD is copied, RA never set", _exam("rfc1035", "rfc8906")),
    4: ("silence for responses and for less than a header", _exam("rfc1035")),
    5: ("where AA is set", _exam("rfc1035")),
    6: ("no question", _exam("rfc9619", "rfc7873")),
    7: ("more than one question", _exam("rfc9619")),
    8: ("questions that can't be read", (*_exam("rfc1035"), "tests/dns/test_wire.py")),
    9: ("octets and records that do not belong there", (*_exam("rfc1035"), "tests/dns/test_wire.py")),
    10: ("OPT records where none belongs, or broken", _exam("rfc6891")),
    11: ("odd octets in labels", _exam("rfc1035")),
    12: ("an opcode that nobody knows", _exam("rfc8906")),
    13: ("opcodes that are not done", _exam("rfc8906")),
    14: ("class CH", (*_exam("rfc4892"), "tests/dns/test_policy.py")),
    15: ("other classes", _exam("rfc8906")),
    16: ("types that the name does not have, known or not", _exam("rfc8906", "rfc3597")),
    17: ("types that no record has", _exam("rfc8906")),
    18: ("NXNAME", _exam("rfc8906")),
    19: ("ANY", _exam("rfc8482")),
    20: ("RRsets without duplicates, of one TTL", (*_exam("rfc1034", "rfc2181"), "tests/dns/test_rrset.py")),
    21: ("NODATA at challenge names", (*_exam("rfc2308"), "tests/dns/test_responder.py")),
    22: ("NXDOMAIN, and empty non-terminals", _exam("rfc1034", "rfc2308", "rfc4592")),
    23: ("the SOA of negative answers", (*_exam("rfc2308"), "tests/config/test_zone.py")),
    24: ("names outside the zone", _exam("rfc1034")),
    25: ("no upward referral", _exam("rfc1034")),
    26: ("a challenge's label in another zone", _exam("rfc1034")),
    27: ("NS set and addresses", (*_exam("rfc1034", "zone"), "tests/peers/test_resolvers.py")),
    28: ("DS of the apex", _exam("rfc4035")),
    29: ("aliases, chains and loops", _exam("rfc1034", "rfc6604")),
    30: ("wildcards and delegations", _exam("rfc1034", "rfc4592", "rfc9471")),
    31: ("data of every type, octet for octet", (*_exam("rfc3597"), "tests/dns/test_presentation.py")),
    32: ("texts of any octets and length", (*_exam("rfc1035", "rfc3597"), "tests/dns/test_presentation.py")),
    33: (
        "SERVFAIL, or what was known, where the store is gone",
        ("tests/dns/test_zone.py", "tests/dns/test_responder.py", "tests/faults/test_database.py"),
    ),
    34: ("read your writes", ("tests/doors/test_life.py", "tests/peers/test_resolvers.py")),
    35: ("one serial everywhere, that only grows", (*_exam("zone"), "tests/doors/test_life.py")),
    36: ("the question's letter case in every answer", _exam("rfc4343")),
    38: ("only ASCII letters fold", _exam("rfc4343")),
    39: ("an OPT for an OPT", _exam("rfc6891")),
    40: ("EDNS versions", _exam("rfc6891")),
    41: ("unknown options and flags", _exam("rfc6891")),
    42: ("many options at once", _exam("rfc6891")),
    43: ("NSID, ECS, padding, keep-alive", _exam("rfc5001", "rfc6891", "rfc7828")),
    44: ("payload sizes, and DO", _exam("rfc6891", "rfc4035")),
    45: ("extended errors", (*_exam("rfc8914"), "tests/dns/test_wire.py")),
    46: ("sizes over UDP, truncation", _exam("rfc2181", "rfc9715")),
    47: ("no TC for what is optional, no fragments", (*_exam("rfc9715"), "tests/worker/test_udp.py")),
    49: ("answers come from the address that was asked", ("tests/worker/test_udp.py", "tests/peers/test_resolvers.py")),
    50: ("IPv4 and IPv6 alike", ("tests/worker/test_udp.py", "tests/dns/test_source.py")),
    51: ("the same over TCP, without TC", (*_exam("rfc7766"), "tests/worker/test_tcp.py")),
    52: ("pipelining", (*_exam("rfc7766"), "tests/dns/test_framing.py")),
    53: ("any cut of the stream, half-close", (*_exam("rfc7766"), "tests/dns/test_framing.py")),
    54: ("lengths that are no query's, promises not kept", (*_exam("rfc7766"), "tests/worker/test_tcp.py")),
    55: ("idle time and limits", (*_exam("rfc7766", "rfc7828"), "tests/worker/test_tcp.py")),
    56: ("a client's cookie", _exam("rfc7873")),
    57: ("valid, wrong and impossible cookies", (*_exam("rfc7873"), "tests/dns/test_cookie.py")),
    58: ("the form of server cookies, one for all servers", (*_exam("rfc9018"), "tests/dns/test_cookie.py")),
    59: ("transfers are refused", _exam("rfc8906")),
    72: ("rate limit that slips TC", ("tests/dns/test_ratelimit.py",)),
    73: ("no amplification, no harm by any octets, port 0", (*_exam("rfc8482"), "tests/dns/test_responder.py")),
    74: (
        "hidden version, no secrets in errors and log",
        (*_exam("rfc4892", "rfc8914"), "tests/api/test_log.py"),
    ),
    75: (
        "no query is lost by stop, reload or a dead worker; the latency is measured by make bench",
        ("tests/doors/test_life.py", "tests/faults/test_workers.py"),
    ),
    78: ("numbers of the SOA, MNAME, RNAME", (*_exam("zone"), "tests/config/test_zone.py")),
    80: ("a minimising resolver's walk", (*_exam("rfc9156"), "tests/peers/test_resolvers.py")),
    83: ("short, constant TTL and content; 100 values by TCP", _exam("rfc1035", "rfc2181", "zone")),
    85: ("one answer whoever asks, however", (*_exam("rfc7766", "zone"), "tests/dns/test_responder.py")),
}
