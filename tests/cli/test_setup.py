"""`acmedns setup`: the file that it writes, what it prints, and every refusal in one line."""

import grp
import json
import os
import pty
import re
import select
import socket
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acmedns_py.config.load import load
from acmedns_py.dns import name
from tests.command import acmedns

ACMEDNS = Path(sys.executable).with_name("acmedns")
ZONE = "auth.example.org"
ENOUGH = ("--yes", "--zone", ZONE, "--address", "198.51.100.1", "--tls", "none")


def setup(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it without a terminal, in this process."""
    return acmedns("setup", "-c", folder / "config.toml", *arguments)


def check(folder: Path) -> str:
    """What `config check` prints of the file; it finds nothing wrong, and nothing to warn of."""
    done = acmedns("config", "check", "-c", folder / "config.toml")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def written(folder: Path) -> dict[str, dict[str, object]]:
    """The file's options."""
    return tomllib.loads((folder / "config.toml").read_text())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    made = trustme.CA().issue_cert(ZONE)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    key.write_bytes(made.private_key_pem.bytes())
    return chain, key


NAMES = st.sampled_from([ZONE, "ns1.auth.example.org", "ns1.example.org", "ns2.example.net", "NS3.Example.ORG."])
WANTED = st.fixed_dictionaries(
    {
        "--zone": st.sampled_from([ZONE, "Auth.Example.ORG.", "acme", "a.b.c.example"]),
        "--address": st.lists(
            st.sampled_from(["198.51.100.1", "2001:db8::1", "45.33.8.1", "10.0.0.1"]), min_size=1, max_size=3
        ),
        "--tls": st.sampled_from(["none", "cert", "acme"]),
    },
    optional={
        "--nameserver": st.lists(NAMES, min_size=1, max_size=3),
        "--admin": st.sampled_from(["ann@example.org", "ann.b@example.org", "hostmaster.example.org"]),
        "--api-name": st.sampled_from([ZONE, "api.auth.example.org", "ns1.example.org", "api.example.net"]),
        "--registration": st.sampled_from(["open", "token", "off"]),
        "--database": st.sampled_from(["sqlite:////var/lib/x.db", "postgresql://acmedns@db/acmedns?sslmode=require"]),
        "--listen": st.sampled_from([["auto"], ["0.0.0.0", "::"], ["10.0.0.1"], ["[2001:db8::1]:53"]]),
        "--api-listen": st.sampled_from([["127.0.0.1:8081"], ["0.0.0.0:443", "[::]:443"]]),
    },
)


@given(wanted=WANTED)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_whatever_is_wished_for_is_a_configuration_without_a_problem(tmp_path, certificate, wanted):
    """Every combination of options; `config check` has nothing to say, and what was wished for is what it reads."""
    arguments = [
        part
        for option, answers in wanted.items()
        for answer in ([answers] if isinstance(answers, str) else answers)
        for part in (option, answer)
    ]
    if wanted["--tls"] == "cert":
        arguments += ["--tls-certificate", certificate[0], "--tls-key", certificate[1]]
    done = setup(tmp_path, "--yes", "--overwrite", *arguments)
    assert done.returncode == 0, done.stderr
    assert "no problems" in check(tmp_path)
    loaded = load(tmp_path / "config.toml", {})
    found = loaded.settings
    zone = wanted["--zone"].lower().rstrip(".")
    assert (found.zone.name, found.api.tls) == (zone, wanted["--tls"])
    assert [str(address) for address in found.zone.addresses] == list(dict.fromkeys(wanted["--address"]))
    servers = [name.lower().rstrip(".") for name in wanted.get("--nameserver", [zone])]
    assert (found.zone.nameservers or [zone]) == list(dict.fromkeys(servers))
    assert found.api.registration == wanted.get("--registration", "token")
    api = wanted.get("--api-name", zone)
    assert found.check.api_url == (f"https://{api}" if wanted["--tls"] == "none" else "")
    addressed = {line.split()[0].rstrip(".") for line in done.stdout.splitlines() if re.search(r" IN A(AAA)? ", line)}
    if api == zone or api.endswith(f".{zone}"):
        owner = name.from_text(api)
        served = {
            ip_address(rdata)
            for rrset in loaded.static
            if rrset.owner == owner and rrset.rrtype in (1, 28)
            for rdata in rrset.rdatas
        }
        assert served == set(found.zone.addresses)
    else:
        assert api in addressed


def test_what_would_say_no_more_than_the_default_is_left_out(tmp_path):
    """A short file, with a comment above each option."""
    assert setup(tmp_path, *ENOUGH).returncode == 0
    assert written(tmp_path) == {
        "zone": {"name": ZONE, "addresses": ["198.51.100.1"], "admin": "hostmaster@example.org"},
        "api": {
            "listen": ["127.0.0.1:8080"],
            "tls": "none",
            "use_header": True,
            "trusted_proxies": ["127.0.0.1", "::1"],
            "registration": "token",
        },
        "database": {"url": "sqlite:////var/lib/acmedns/acmedns.db"},
        "check": {"api_url": f"https://{ZONE}"},
    }
    lines = (tmp_path / "config.toml").read_text().splitlines()
    assert all(above.startswith("# ") for above, line in pairwise(lines) if " = " in line[:20])


def test_behind_a_proxy_it_is_said_whose_word_is_taken_for_clients_addresses(tmp_path):
    """The proxy has to set the header; without one nobody is believed."""
    assert "X-Forwarded-For, which a proxy at 127.0.0.1 or ::1 has to set" in setup(tmp_path, *ENOUGH).stdout
    arguments = [*ENOUGH[:-1], "acme"]
    assert "X-Forwarded-For" not in setup(tmp_path, "--overwrite", *arguments).stdout
    assert "use_header" not in written(tmp_path)["api"]


@pytest.mark.parametrize("tls", ["none", "acme"])
def test_a_taken_port_of_the_api_is_told(tmp_path, tls):
    """With who holds it, as that of DNS."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        place = f"127.0.0.1:{held.getsockname()[1]}"
        arguments = (*ENOUGH[:-1], tls, "--api-listen", place, "--overwrite")
        printed = setup(tmp_path, *arguments).stdout
        found = json.loads(setup(tmp_path, *arguments, "--json").stdout)["in_the_way"]
    (line,) = (line for line in printed.splitlines() if place in line and "API" in line)
    assert f"the port is taken by {psutil.Process().name()} (pid {os.getpid()}" in line
    assert line.strip() in found
    free = json.loads(setup(tmp_path, *arguments, "--json").stdout)["in_the_way"]
    assert not [line for line in free if place in line]


def test_records_and_firewall_are_printed_as_by_records(tmp_path):
    """The same text again, whenever it is needed."""
    printed = setup(tmp_path, *ENOUGH).stdout
    again = acmedns("records", "-c", tmp_path / "config.toml").stdout
    assert printed.startswith(f"{tmp_path}/config.toml: written\n")
    assert again in printed
    assert "auth.example.org. 3600 IN NS auth.example.org.\n" in again


def test_json_is_one_document(tmp_path):
    """For scripts: the records as data."""
    done = setup(tmp_path, *ENOUGH, "--json")
    document = json.loads(done.stdout)
    assert document["path"] == f"{tmp_path}/config.toml"
    assert [(one["type"], one["name"], one["value"]) for one in document["records"]] == [
        ("NS", "auth", "auth.example.org."),
        ("A", "auth", "198.51.100.1"),
    ]
    assert document["firewall"]
    assert all("53" in " ".join(commands) for commands in document["firewall"].values())
    assert "198.51.100.1 is no public address" in done.stderr


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line with which it fails."""
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--zone", "a..b"], "--zone 'a..b' can't be used: 'a..b': two dots in a row"),
        (["--zone", "192.0.2.1"], "--zone '192.0.2.1' can't be used: this is an address"),
        (["--zone", "bücher.example"], "write the name as an A-label (xn--...)"),
        (["--zone", "a." * 110 + "example"], "this name is too long"),
        (["--zone", ""], "--zone '' can't be used: a domain name can't be empty"),
        (["--zone", "*.example.org"], "--zone '*.example.org' can't be used: a wildcard is no zone"),
        (["--api-name", "*.example.org"], "--api-name '*.example.org' can't be used: a wildcard is no name"),
        (["--address", "255.255.255.255"], "--address '255.255.255.255' can't be used: no host is reached"),
        (["--address", "::ffff:1.2.3.4"], "can't be used: no host is reached at this form of an address of IPv4; write 1"),
        (["--database", "sqlite:////tmp/\udcff.db"], "--database 'sqlite:////tmp/\\udcff.db' can't be used: it is not"),
        (["--nameserver", "10.0.0.1"], "--nameserver '10.0.0.1' can't be used: this is an address"),
        (["--address", "0.0.0.0"], "--address '0.0.0.0' can't be used: no host is reached at this address"),
        (["--address", "ns1.example.org"], "--address 'ns1.example.org' can't be used: this is no IP address"),
        (["--admin", "@example.org"], "--admin '@example.org' can't be used: the part before the @ is missing"),
        (
            ["--tls", "cert", "--tls-certificate", "/dev/zero", "--tls-key", "/dev/zero"],
            "--tls-certificate '/dev/zero' can't be used: /dev/zero can't be read (it is no regular file); name a PEM",
        ),
        (["--tls", "letsencrypt"], "--tls 'letsencrypt' can't be used: write one of acme, cert, none"),
        (["--tls", "cert"], "nothing can be proposed for --tls-certificate, --tls-key; say them"),
        (["--tls", "cert", "--tls-certificate", "/missing", "--tls-key", "/x"], "/missing can't be read (No such file"),
        (["--tls", "cert", "--tls-certificate", __file__, "--tls-key", __file__], "--tls-key"),
        (["--api-name", "a b"], "--api-name 'a b' can't be used: "),
        (["--api-name", "a." * 120 + "example"], "but a name has at most 255"),
        (["--registration", "closed"], "--registration 'closed' can't be used: write one of token, open, off"),
        (["--database", "mysql://x"], "--database 'mysql://x' can't be used: write \"sqlite:////PATH/FILE\""),
        (["--listen", "eth0"], "--listen 'eth0' can't be used: 'eth0' is no IP address"),
        (["--api-listen", "0.0.0.0"], "--api-listen '0.0.0.0' can't be used: the port is missing"),
        (["--parent", "example.net"], "--parent 'example.net' is not above auth.example.org"),
        (["--parent", "a..b"], "--parent 'a..b' can't be used: "),
        (["--nameserver", "\udcff.example.org"], "it is not UTF-8"),
    ],
)  # fmt: skip
def test_an_option_that_can_not_be_used_is_one_line_and_writes_nothing(tmp_path, arguments, line):
    """The last of an option given twice counts, so each is named beside what is enough otherwise."""
    enough = dict(zip(ENOUGH[1::2], ENOUGH[2::2], strict=True)) | dict(
        zip(arguments[::2], arguments[1::2], strict=True)
    )
    said = refusal(setup(tmp_path, "--yes", *[part for pair in enough.items() for part in pair]))
    assert line in said
    assert list(tmp_path.iterdir()) == []


def test_what_nothing_can_be_proposed_for_is_named(tmp_path):
    """All of it at once, with and without `--yes`, where there is no terminal."""
    assert "say --yes, --zone, --tls" in refusal(setup(tmp_path, "--address", "45.33.8.1"))
    assert "for --zone, --tls; say them" in refusal(setup(tmp_path, "--yes", "--address", "45.33.8.1"))


def test_a_file_that_is_there_is_not_replaced(tmp_path):
    """Unless that is asked for; a link stays one."""
    real, link = tmp_path / "real.toml", tmp_path / "config.toml"
    real.write_text("mine")
    link.symlink_to(real)
    assert "is there already; name another file by -c, or say --overwrite" in refusal(setup(tmp_path, *ENOUGH))
    assert real.read_text() == "mine"
    assert setup(tmp_path, *ENOUGH, "--overwrite").returncode == 0
    assert link.is_symlink()
    assert "auth.example.org" in real.read_text()


def test_a_file_with_problems_is_not_written(tmp_path, monkeypatch):
    """What the environment says is part of the configuration; the line names the file that was meant."""
    monkeypatch.setenv("ACMEDNS_DNS__PORT", "x")
    said = refusal(setup(tmp_path, *ENOUGH))
    assert said.startswith(f"{tmp_path}/config.toml: ACMEDNS_DNS__PORT")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["none/none/config.toml", "file/config.toml", "/proc/config.toml"])
def test_a_place_that_can_not_be_written_is_one_line(tmp_path, place):
    """No traceback, and nothing left behind."""
    (tmp_path / "file").touch()
    assert f"{tmp_path / place} can't be written (" in refusal(
        setup(tmp_path / place / "..", *ENOUGH, "-c", tmp_path / place)
    )


def test_a_link_to_itself_is_one_line(tmp_path):
    """Whoever asks for its place is told so by the system."""
    place = tmp_path / "config.toml"
    place.symlink_to(place)
    assert f"{place} can't be written (" in refusal(setup(tmp_path, *ENOUGH))
    assert f"{place} can't be written (" in refusal(setup(tmp_path, *ENOUGH, "--overwrite"))


def test_a_directory_that_is_missing_is_made(tmp_path):
    """/etc/acmedns, on a new machine."""
    assert setup(tmp_path / "acmedns", *ENOUGH).returncode == 0


@pytest.mark.parametrize(
    ("database", "secret"),
    [("postgresql://acmedns:geheim@db/x", True), ("postgresql://acmedns@db/x", False), ("sqlite:////x.db", False)],
)
def test_a_file_with_a_password_is_kept_from_others(tmp_path, database, secret):
    """And the password is not printed."""
    done = setup(tmp_path, *ENOUGH, "--database", database)
    mode = stat.S_IMODE((tmp_path / "config.toml").stat().st_mode)
    try:
        known = os.geteuid() == 0 and bool(grp.getgrnam("acmedns"))
    except KeyError:
        known = False
    assert mode == ((0o640 if known else 0o600) if secret else 0o644)
    assert "geheim" not in done.stdout + done.stderr


class Terminal:
    """The command on a terminal of its own, as a person has it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.shown = ""
        self._end, other = pty.openpty()
        command = ("setsid", "--ctty", ACMEDNS, "setup", "-c", folder / "config.toml", *arguments)
        self.process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other)
        os.close(other)

    def answer(self, question: str, text: str) -> None:
        """Wait for the question, then type the answer."""
        self.until(question)
        self.type(f"{text}\n")

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self._end, keys.encode())

    def until(self, words: str) -> None:
        """Wait until these words are shown, and forget what stands before them."""
        while words not in self.shown:
            assert self._read(), f"it ended before {words!r}:\n{self.shown}"
        self.shown = self.shown.partition(words)[2]

    def finish(self) -> int:
        """Give the exit code when it has ended."""
        while self._read():
            pass
        os.close(self._end)
        return self.process.wait(timeout=60)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._end], [], [], 60)
        assert ready, f"it waits for something else:\n{self.shown}"
        try:
            octets = os.read(self._end, 65_536)
        except OSError:
            # What Linux says when the other end of a terminal is closed.
            return False
        self.shown += octets.decode().replace("\r\n", "\n")
        return bool(octets)


@pytest.fixture
def on_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts the command on a terminal; whatever is left of it ends with the test."""
    started: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        started.append(Terminal(tmp_path, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def test_a_person_is_asked_and_asked_again(tmp_path, on_terminal):
    """Each wrong answer is told in one line; Enter takes the proposal."""
    terminal = on_terminal()
    terminal.answer("The zone to serve", "a..b")
    terminal.answer("two dots in a row", "Auth.Example.org.")
    terminal.answer("[auth.example.org]: ", "ns1.example.org ns2.example.org")
    terminal.answer("Public addresses of this host", "45.33.8.256")
    terminal.answer("this is no IP address", "45.33.8.1, 2600:3c00::1,45.33.8.1")
    terminal.answer("[hostmaster@example.org]: ", "")
    terminal.answer("TLS [acme]: ", "https")
    terminal.answer("write one of acme, cert, none", "cert")
    terminal.answer("Its certificate with chain", "/missing")
    terminal.answer("/missing can't be read", __file__)
    terminal.answer("Its key", __file__)
    terminal.answer("Its key: ", "")
    # To the blank at its end: by then the keys of the terminal are read one by one.
    terminal.until("Its key: ")
    terminal.type("\x04")
    assert terminal.finish() == 1
    assert list(tmp_path.iterdir()) == []


def test_enter_takes_what_is_proposed(tmp_path, on_terminal):
    """Ten questions at the most; a password is not shown."""
    terminal = on_terminal("--zone", ZONE, "--address", "45.33.8.1")
    for question in (
        "Its nameserver [auth.example.org]: ",
        "Mailbox",
        "TLS [acme]: ",
        "Host name of the API",
        "Registration [token]: ",
    ):
        terminal.answer(question, "")
    terminal.answer("Database [sqlite:////var/lib/acmedns/acmedns.db]: ", "postgresql://acmedns@db/acmedns")
    # To the blank at its end: that comes when the terminal shows no more what is typed.
    terminal.answer("Its password, or nothing where it comes from elsewhere: ", "geheim")
    terminal.until("IN NS auth.example.org.")
    assert terminal.finish() == 0
    assert "geheim" not in terminal.shown
    found = written(tmp_path)
    assert found["api"] == {"listen": ["0.0.0.0:443", "[::]:443"], "tls": "acme", "registration": "token"}
    assert found["database"] == {"url": "postgresql://acmedns@db/acmedns", "password": "geheim"}


def test_a_person_is_asked_before_a_file_is_replaced(tmp_path, on_terminal):
    """Before all other questions; no is the proposal."""
    (tmp_path / "config.toml").write_text("mine")
    terminal = on_terminal(*ENOUGH[1:])
    terminal.answer("Replace it? [y/N]: ", "")
    assert terminal.finish() == 1
    assert (tmp_path / "config.toml").read_text() == "mine"
