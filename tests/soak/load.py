"""Load: ordinary questions by dnsperf, and broken ones of our own, whose answers must at least be well-formed."""

import asyncio
import random
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import dns.exception

from acmedns_py.dns.framing import framed
from tests.dns.packets import message, name, opt, option, query, question, read
from tests.faults.asking import Report
from tests.faults.places import Address
from tests.tools import peers

QTYPES = ("A", "AAAA", "CAA", "TXT", "SOA", "NS", "ANY", "DS", "MX", "CNAME", 65, 64, 255, 252, 251, 250, 249, 41, 0)
LONGEST_TEXT = 4_000


def dnsperf(server: Address, folder: Path, names: list[str], *, seconds: float, tcp: bool, rate: int) -> list[str]:
    """Give the command that asks for existing names at a bounded rate; each answer must be NOERROR."""
    queries = folder / "existing-names"
    queries.write_text("".join(f"{one} {qtype}\n" for one in names for qtype in ("TXT", "A", "CAA")))
    return [
        str(peers.find("dnsperf")), "-s", server[0], "-p", str(server[1]), "-d", str(queries), "-m", "tcp" if tcp else "udp",
        "-l", str(max(1, round(seconds))), "-Q", str(rate), "-c", "8", "-T", "1", "-e", "-t", "5",
    ]  # fmt: skip


async def run_dnsperf(report: Report, command: list[str], kind: str) -> None:
    """Run it to its end and count; an rcode other than NOERROR is a finding."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    for what in ("sent", "completed", "lost"):
        found = re.search(rf"Queries {what}:\s+(\d+)", output)
        assert found, output
        report.counts[f"dnsperf {kind} {what}"] += int(found[1])
    codes = re.search(r"Response codes:\s+(.*)", output)
    assert codes, output
    others = {word for word, _ in re.findall(r"([A-Z]+) (\d+)", codes[1])} - {"NOERROR"}
    if others:
        report.finding(f"dnsperf {kind} got {codes[1]} for names that exist")


class Breaker:
    """Messages that no resolver would send, the same sequence for the same seed."""

    def __init__(self, zone: str, seed: int) -> None:
        self._zone = zone
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret

    def messages(self) -> Iterator[bytes]:
        """Give them without end."""
        kinds = (self._noise, self._flipped, self._cut, self._header, self._odd_question, self._options, self._pointers)
        while True:
            yield self._random.choice(kinds)()

    def _valid(self) -> bytes:
        qname = self._random.choice(("", "www.", "nobody.", "x.nobody.", "a.b.", "q.wild.")) + self._zone
        return query(
            qname,
            self._random.choice(QTYPES),
            edns=self._random.choice((None, opt(), opt(512), opt(65535, flags=0x8000))),
            ident=self._random.randrange(1 << 16),
        )

    def _noise(self) -> bytes:
        return self._random.randbytes(self._random.randrange(13, 600))

    def _flipped(self) -> bytes:
        octets = bytearray(self._valid())
        for _ in range(self._random.randrange(1, 5)):
            octets[self._random.randrange(2, len(octets))] ^= 1 << self._random.randrange(8)
        return bytes(octets)

    def _cut(self) -> bytes:
        octets = self._valid()
        return octets[: self._random.randrange(12, len(octets))] + self._random.randbytes(self._random.randrange(3))

    def _header(self) -> bytes:
        fields = [self._random.randrange(1 << 16) for _ in range(2)]
        counts = [self._random.choice((0, 1, 2, 65535)) for _ in range(4)]
        return struct.pack("!6H", *fields, *counts) + question(self._zone)

    def _odd_question(self) -> bytes:
        label = self._random.randbytes(self._random.randrange(1, 64))
        qname = bytes((len(label),)) + label + name(self._zone)
        qclass = self._random.choice((1, 3, 4, 254, 255, 7))
        return query(qname, self._random.choice(QTYPES), qclass=qclass, flags=self._random.choice((0, 0x0100, 0x7FF0)))

    def _options(self) -> bytes:
        options = b"".join(
            option(self._random.choice((3, 8, 10, 11, 12, 65001)), self._random.randbytes(self._random.randrange(60)))
            for _ in range(self._random.randrange(5))
        )
        edns = opt(self._random.randrange(1 << 16), version=self._random.choice((0, 0, 0, 1, 255)), options=options)
        return query(self._zone, "SOA", edns=edns)

    def _pointers(self) -> bytes:
        target = self._random.randrange(12, 40)
        return message(
            bytes((3,)) + b"www" + bytes((0xC0, target)) + b"\0\x10\0\x01", ident=self._random.randrange(1 << 16)
        )


def judge(report: Report, kind: str, octets: bytes, sent: set[bytes]) -> None:
    """A response to a broken query: one of our IDs, QR set, and no octet too few or too many."""
    report.counts[f"broken {kind} answered"] += 1
    if octets[:2] not in sent or not octets[2] & 0x80:
        report.finding(f"a response to no query over {kind}: {octets.hex()}")
        return
    try:
        read(octets)
    except dns.exception.DNSException as error:
        report.finding(f"a response over {kind} that can't be read ({error!r}): {octets.hex()}")


async def broken_udp(
    report: Report, server: Address, host: str, zone: str, *, rate: float, stop: asyncio.Event
) -> None:
    """Send broken datagrams at a bounded rate until told to stop."""
    messages = Breaker(zone, 1).messages()
    sent: set[bytes] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind((host, 0))
        sock.connect(server)
        while not stop.is_set():
            for _ in range(max(1, round(rate / 20))):
                octets = next(messages)
                sent.add(octets[:2])
                try:
                    sock.send(octets)
                except BlockingIOError:
                    break
                report.counts["broken UDP sent"] += 1
            await asyncio.sleep(0.05)
            try:
                while True:
                    judge(report, "UDP", sock.recv(LONGEST_TEXT), sent)
            except BlockingIOError:
                continue


async def broken_tcp(
    report: Report, server: Address, host: str, zone: str, *, rate: float, stop: asyncio.Event
) -> None:
    """Send a few broken messages on one connection after the other, read what comes, and hang up."""
    messages = Breaker(zone, 2).messages()
    while not stop.is_set():
        try:
            reader, writer = await asyncio.open_connection(*server, local_addr=(host, 0))
        except OSError:
            report.counts["broken TCP connections refused"] += 1
            await asyncio.sleep(0.1)
            continue
        try:
            batch = [next(messages) for _ in range(10)]
            writer.write(b"".join(framed(octets) for octets in batch))
            writer.write_eof()
            report.counts["broken TCP sent"] += len(batch)
            sent = {octets[:2] for octets in batch}
            async with asyncio.timeout(20):
                while True:
                    octets = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
                    judge(report, "TCP", octets, sent)
        except TimeoutError:
            report.finding("a connection with broken queries was neither answered nor closed")
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            await asyncio.wait({asyncio.ensure_future(_closed(writer))})
        await asyncio.sleep(10 / rate)


async def _closed(writer: asyncio.StreamWriter) -> None:
    try:
        await writer.wait_closed()
    except OSError:
        return
