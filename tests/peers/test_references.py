"""The exam that our DNS core takes, put to NSD and Knot on the same zone: no row may be our own invention.

Where the two differ the standards leave the choice, so a row holds if one of them answers as it says; what neither
does stands below with its reason.
"""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dns.rcode
import pytest

from acmedns_py.dns.name import to_text
from tests.dns.cases import CASES, Case
from tests.dns.example import CHALLENGES, SERIAL, STATIC_LINES, Z
from tests.dns.packets import AA, RA, TC, lines, query, read
from tests.server import free_port
from tests.tools import peers

SECONDS = 20

NEITHER = {
    "dns-correctness #13 opcode 4": "who takes no NOTIFY may say so in three ways (RFC 1996 3.12); they say REFUSED and NOTAUTH",
    "dns-correctness #15 class 255": "they answer class ANY as IN; RFC 8906 and genreport take REFUSED as well",
    "dns-correctness #19 ANY at the apex": "RFC 8482 4.1 or 4.2: they give one RRset, we HINFO, which is smaller",
    "dns-correctness #19 ANY at a challenge name": "likewise",
}

# A query that each of them answers, sent behind a row's own: when its answer comes, silence before it was meant.
SENTINEL_ID = 0x5E17
SENTINEL = query(Z, "SOA", ident=SENTINEL_ID)


def zone_file() -> str:
    """The exam's zone; a challenge name without values becomes an empty non-terminal, the same thing to a resolver."""
    text = [
        f"$ORIGIN {Z}.",
        "$TTL 300",
        *(line.replace(" hostmaster 0 ", f" hostmaster {SERIAL} ") for line in STATIC_LINES),
    ]
    for owner, values in CHALLENGES.items():
        if not values:
            text.append(f'below.{to_text(owner)} 1 TXT "keeps the name above in the tree"')
        for value in values:
            strings = (value[start : start + 255] for start in range(0, len(value), 255))
            text.append(f"{to_text(owner)} 1 TXT {' '.join(map(quoted, strings))}")
    return "\n".join([*text, ""])


def quoted(string: bytes) -> str:
    """A character-string in presentation form, each octet by its decimal number behind a backslash."""
    return '"' + "".join(f"\\{octet:03d}" for octet in string) + '"'


def nsd(folder: Path, port: int) -> list[str | Path]:
    """The command line of an NSD that tells as little as we do."""
    configuration = folder / "nsd.conf"
    configuration.write_text(f"""server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  server-count: 1
  database: ""
  hide-version: yes
  hide-identity: yes
  minimal-responses: yes
  ipv4-edns-size: 1232
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
remote-control:
  control-enable: no
zone:
  name: "{Z}"
  zonefile: "zone"
""")
    return [peers.need("nsd"), "-d", "-c", configuration]


def knot(folder: Path, port: int) -> list[str | Path]:
    """The command line of a Knot; one UDP thread, so that answers come in the order of the queries."""
    configuration = folder / "knot.conf"
    configuration.write_text(f"""server:
  listen: 127.0.0.1@{port}
  rundir: "{folder}"
  udp-workers: 1
  udp-max-payload: 1232
database:
  storage: "{folder}/knot"
zone:
  - domain: "{Z}"
    storage: "{folder}"
    file: "zone"
    zonefile-load: whole
    zonefile-sync: -1
""")
    return [peers.need("knotd"), "-c", configuration]


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """NSD and Knot on loopback; their ports by name."""
    folder = tmp_path_factory.mktemp("references")
    (folder / "zone").write_text(zone_file(), encoding="latin-1")
    ports = {"NSD": free_port(), "Knot": free_port()}
    commands = {"NSD": nsd(folder, ports["NSD"]), "Knot": knot(folder, ports["Knot"])}
    running = []
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("wb") as log:
                running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        for name, port in ports.items():
            if not serves(port):
                pytest.fail(f"{name} does not serve:\n{(folder / f'{name}.log').read_text()}")
        yield ports
    finally:
        for process in running:
            process.terminate()
            process.wait(SECONDS)


def serves(port: int) -> bool:
    """Ask over TCP until the zone's SOA comes back; a port that is not bound yet refuses at once, so look again."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with suppress(OSError):
            if lines(read(ask_tcp(port, SENTINEL)).answer):
                return True
        time.sleep(0.05)
    return False


def ask_udp(port: int, octets: bytes) -> bytes | None:
    """Send one message over UDP and give the answer, None for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(SECONDS)
        sock.connect(("127.0.0.1", port))
        sock.send(octets)
        sock.send(SENTINEL)
        answer = None
        while (received := sock.recv(65535))[:2] != SENTINEL[:2]:
            answer = received
        return answer


def ask_tcp(port: int, octets: bytes) -> bytes:
    """Send one message over TCP and give the answer."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection,
        connection.makefile("rb") as stream,
    ):
        connection.sendall(len(octets).to_bytes(2, "big") + octets)
        return stream.read(int.from_bytes(stream.read(2), "big"))


def differences(case: Case, octets: bytes | None) -> list[str]:
    """How an answer differs from the row in what the standards settle; additional data are each server's own choice."""
    if octets is None or case.silent:
        return [] if (octets is None) == case.silent else ["silence" if octets is None else "no silence"]
    response = read(octets)
    settled = AA | TC | RA
    facts = {
        "rcode": (dns.rcode.to_text(response.rcode()), case.rcode),
        "flags": (response.flags & settled, case.flags & settled),
        "answer": (lines(response.answer), sorted(case.answer)),
        "authority": (lines(response.authority), sorted(case.authority)),
    }
    return [f"{what}: {theirs}, not {ours}" for what, (theirs, ours) in facts.items() if theirs != ours]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_row_is_what_a_reference_answers(references: dict[str, int], case: Case) -> None:
    """NSD or Knot answers so, or the row is listed with the reason why neither does."""
    ask = ask_tcp if case.tcp_only else ask_udp
    found = {name: differences(case, ask(port, case.query)) for name, port in references.items()}
    agreed = [name for name, differing in found.items() if not differing]
    assert bool(agreed) != (case.title in NEITHER), found


def test_every_disagreement_is_about_a_row() -> None:
    """A row that was renamed or removed takes its reason with it."""
    assert NEITHER.keys() <= {case.title for case in CASES}
