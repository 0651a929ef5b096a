"""Where NSD 4.6.1 and Knot 3.2.6 do not answer as the exam demands, each with its reason and RFC.

Rows are listed by transport and title, other tests by name and what parametrises them. What is listed must fail.
"""

NO_QUESTION = (
    "leaves the question out of REFUSED for a class that it does not have; a 0x20 resolver drops it (RFC 1035 4.1)"
)
HEADER_ALONE = "closes a TCP connection on a header without a question, which UDP gets an answer to (RFC 8906 8.1.4)"
FLAGS_BACK = "lets flags of an unknown opcode come back; QR alone is what RFC 8906 8.1.4 expects"

DEPARTURES: dict[str, dict[str, str]] = {
    "NSD": {
        **{
            f"{transport} dns-correctness #15 class {qclass}": NO_QUESTION
            for transport in ("udp", "tcp")
            for qclass in (0, 4, 254)
        },
        "test_question_keeps_its_letters_in_every_kind_of_answer": NO_QUESTION,
        "udp dns-correctness #15 AXFR over UDP in class HS": NO_QUESTION,
        **{
            f"{transport} dns-correctness #40 version 1, flags 8000, 0 octets of options": "does not copy DO into BADVERS (RFC 3225 3)"
            for transport in ("udp", "tcp")
        },
        "test_referral_that_has_no_room_for_its_glue_is_truncated": (
            "leaves glue out without TC; RFC 9471 3.1, which wants TC, is younger than this version"
        ),
        "tcp dns-correctness #6 no question": HEADER_ALONE,
        "tcp dns-correctness #12 opcode 15, header only": HEADER_ALONE,
        "tcp dns-correctness #12 opcode 15, every flag": HEADER_ALONE,
        "udp dns-correctness #12 opcode 15, every flag": FLAGS_BACK,
    },
    "Knot": {
        **{
            f"{transport} dns-correctness #12 opcode 15, every flag": FLAGS_BACK + "; it is RD here"
            for transport in ("udp", "tcp")
        },
        **{
            f"{transport} dns-correctness #44 payload 1": "FORMERR for a payload size that counts as 512 (RFC 6891 6.2.3)"
            for transport in ("udp", "tcp")
        },
        **dict.fromkeys(
            (
                "test_query_for_a_cookie_alone_gets_one",
                "udp dns-correctness #6 no question but a cookie",
                "tcp dns-correctness #6 no question but a cookie",
            ),
            "FORMERR for a COOKIE beside no question, which asks for a cookie (RFC 7873 5.4)",
        ),
    },
}


def reason(server: str, test: str, parameters: str) -> str | None:
    """Give the reason why a reference fails a test; `parameters` is pytest's id, which begins with the server."""
    rest = parameters.removeprefix(server).removeprefix("-")
    key = rest if test == "test_row" else f"{test}[{rest}]" if rest else test
    return DEPARTURES.get(server, {}).get(key)
