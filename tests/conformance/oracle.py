"""Asks several servers the same queries, many at once, and says in which facts their answers differ."""

import socket
import struct
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import dns.exception
import dns.flags
import dns.opcode
import dns.rcode

from acmedns_py.dns.responder import Transport
from tests.conformance.oracle_queries import Asked
from tests.conformance.subject import SECONDS, Subject, framed, received
from tests.dns.packets import lines, read

AT_ONCE = 50
"""Queries under way over one socket: few enough for every server's buffers."""

UDP_SECONDS = 1
ATTEMPTS = 3

MAY_BE_COMPRESSED = {"NS", "CNAME", "PTR", "MX", "SOA", "MINFO"}
"""Names in the data of no other type may be compressed (RFC 3597 4)."""

Facts = Mapping[str, object]
FLAGS = {"AA": 0x0400, "TC": 0x0200, "RD": 0x0100, "RA": 0x0080, "Z": 0x0040, "AD": 0x0020, "CD": 0x0010}


def answers(subjects: Iterable[Subject], asked: list[Asked]) -> dict[str, list[bytes | None]]:
    """Give each server's answers in the order of the queries, None for silence; the servers are asked side by side."""
    with ThreadPoolExecutor() as pool:
        tasks = {subject.name: pool.submit(_all_answers, subject, asked) for subject in subjects}
        return {name: task.result() for name, task in tasks.items()}


def _all_answers(subject: Subject, asked: list[Asked]) -> list[bytes | None]:
    found: dict[int, bytes] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((subject.host, subject.port))
        by_udp = [number for number, one in enumerate(asked) if one.transport is Transport.UDP]
        for start in range(0, len(by_udp), AT_ONCE):
            _over_udp(sock, asked, by_udp[start : start + AT_ONCE], found)
    by_tcp = [number for number, one in enumerate(asked) if one.transport is Transport.TCP]
    for start in range(0, len(by_tcp), AT_ONCE):
        _over_tcp(subject, asked, by_tcp[start : start + AT_ONCE], found)
    return [found.get(number) for number in range(len(asked))]


def _over_udp(sock: socket.socket, asked: list[Asked], numbers: list[int], found: dict[int, bytes]) -> None:
    """Ask all, and again those that stay open: a datagram may be lost, a server that is silent three times means it."""
    waiting = set(numbers)
    for _ in range(ATTEMPTS):
        for number in waiting:
            sock.send(asked[number].octets(number))
        sock.settimeout(UDP_SECONDS)
        try:
            while waiting:
                octets = sock.recv(65535)
                number = int.from_bytes(octets[:2], "big")
                if number in waiting:
                    found[number] = octets
                    waiting.remove(number)
        except TimeoutError:
            continue
        return


def _over_tcp(subject: Subject, asked: list[Asked], numbers: list[int], found: dict[int, bytes]) -> None:
    with subject.connection() as sock:
        sock.settimeout(SECONDS)
        sock.sendall(b"".join(framed(asked[number].octets(number)) for number in numbers))
        for _ in numbers:
            octets = received(sock)
            assert octets is not None, f"{subject.name} closes a connection with queries open"
            found[struct.unpack_from("!H", octets)[0]] = octets


def _folded(record: str) -> str:
    """The record with its owner in lower case, and names in its data where those may point into the question."""
    owner, ttl, rrtype, rdata = record.split(" ", 3) if record.count(" ") > 2 else (*record.split(" "), "")
    return f"{owner.lower()} {ttl} {rrtype} {rdata.lower() if rrtype in MAY_BE_COMPRESSED else rdata}"


def facts(octets: bytes | None) -> Facts:
    """What of an answer is compared; sections are sets of records, letter case of owners is a fact of its own."""
    if octets is None:
        return {"silence": True}
    try:
        response = read(octets)
    except (dns.exception.DNSException, ValueError) as error:
        return {"unreadable": repr(error)}
    found: dict[str, object] = {
        "rcode": dns.rcode.to_text(response.rcode()),
        "opcode": dns.opcode.to_text(response.opcode()),
        "question": "".join(question.to_text() for question in response.question),
        "OPT": response.edns >= 0,
        "EDNS version": max(response.edns, 0),
        "EDNS flags": response.ednsflags & 0xFFFF if response.edns >= 0 else 0,
        "repeated records": sum(struct.unpack_from("!3H", octets, 6)) - (response.edns >= 0),
    }
    found |= {flag: bool(response.flags & bit) for flag, bit in FLAGS.items()}
    found |= {f"option {int(option.otype)}": True for option in response.options}
    case = []
    for section in ("answer", "authority", "additional"):
        records = lines(getattr(response, section))
        found[section] = frozenset(map(_folded, records))
        found["repeated records"] = int(str(found["repeated records"])) - len(records)
        case += [record.split()[0] for record in records]
    found["case of owners"] = frozenset(case)
    return found
