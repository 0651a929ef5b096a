"""What `acmedns check` says to hosts and options that it can't take, before it asks anybody."""

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from acmedns_py.check.accounts import labelled_hosts
from acmedns_py.cli import app


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--host", "a..b"], "'a..b': two dots in a row"),
        (["--host", "bücher.example"], "write the name as an A-label"),
        (["--host", "."], "the root is no host"),
        (["--host", ".".join(["x" * 60] * 4)], "with _acme-challenge in front it has more than 255 octets"),
        (["--host", "1.2.3.4"], "'1.2.3.4' is an address, which dns-01 can't prove (RFC 8738 7); write a host name"),
        (["--host", "2001:db8::1"], "'2001:db8::1' is no host name; write one such as www.example.org"),
        (["--host", "https://www.good/"], "'https://www.good/' is no host name; write one such as www.example.org"),
        (["--host", "*.*.x.good"], "'*.*.x.good' is no host name; write one such as www.example.org or *.example"),
        (["--host", "a@b.good"], "'a@b.good' is no host name"),
        (["--host", "-a.good"], "'-a.good' is no host name"),
        (["--hosts-file", "missing"], "--hosts-file missing can't be read: No such file or directory"),
        (["--hosts-file", "empty"], "--hosts-file empty names nothing; write one name a line"),
        (["--hosts-file", "octets"], "--hosts-file octets can't be read"),
        (["--hosts-file", "many"], "10001 hosts are too many for one check; give at most 10000"),
        (["--resolver", "dns.example"], "--resolver 'dns.example': this is no IP address"),
        (
            ["--resolver", "1.1.1.1", "--resolver", "0.0.0.0"],
            "--resolver '0.0.0.0': no host is reached at this address; write the address of the resolver itself",
        ),
        (["--resolver", "1.1.1.1"] * 13, "--resolver is given more than 12 times"),
        (["--ca", "a..b"], "--ca 'a..b': 'a..b': two dots in a row"),
        (["--ca", ";"], "--ca ';': write the name that the CA goes by in CAA records, such as \"letsencrypt.org\""),
        (["--ca", "\x1b[31m"], "--ca '\\x1b[31m': "),
        (["--account-url", "17"], "--account-url '17': write the URL as the CA gave it"),
        (
            ["--account-url", "https://ca.example/a;b"],
            "--account-url 'https://ca.example/a;b': write the URL as the CA",
        ),
        (["--root-hints", "missing"], "the root hints missing can't be read"),
    ],
)
def test_what_can_not_be_used_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], line: str
):
    """Exit code 3: nothing was tested."""
    monkeypatch.chdir(tmp_path)
    Path("empty").write_text("# nothing\n\n")
    Path("octets").write_bytes(b"\xff\xfe\n")
    Path("many").write_text("".join(f"h{number}.example.org\n" for number in range(10_001)))
    done = CliRunner().invoke(app, ["check", "auth.example.org", *arguments])
    assert done.exit_code == 3
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def _close_next(listening: socket.socket) -> None:
    listening.accept()[0].close()


DEAD_ROOT = ". 3600 NS dead.\ndead. 3600 A 127.0.0.99\n"


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("none", "no server listens at"),
        ("silent", "the time of this check has run out"),
        ("closes", "broke off"),
    ],
)
def test_labels_that_can_not_be_read_are_told(tmp_path: Path, server: str, why: str):
    """Neither is a report whole without the hosts that they name, nor does a server that is silent hold it up."""
    (tmp_path / "hints").write_text(DEAD_ROOT)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[zone]\nname = "auth.example.org"\naddresses = ["198.51.100.1"]\n[dns]\nlisten = ["127.0.0.98:53"]\n'
        f'[database]\nurl = "sqlite:///{tmp_path}/db"\n[admin]\nsocket = "{tmp_path}/socket"\n'
        f'[check]\nroot_hints = "{tmp_path}/hints"\n'
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        if server != "none":
            listening.bind(str(tmp_path / "socket"))
            listening.listen()
        if server == "closes":
            threading.Thread(target=_close_next, args=(listening,), daemon=True).start()
        given = ("check", "--labels", "--timeout", "2", "--json", "-c", str(config))
        done = CliRunner().invoke(app, given)
    reasons = {one["name"]: one["not_tested"] for one in json.loads(done.stdout)["sections"]}
    assert why in reasons["hosts"]
    assert reasons["caa"] == reasons["hosts"]


@pytest.mark.parametrize(
    ("accounts", "hosts", "missed"),
    [
        (999, 999, ""),
        (1_001, 1_000, "the first 1,000 of 1,001 hosts were looked at"),
        (
            20_001,
            1_000,
            "the first 1,000 of 20,000 hosts were looked at; labels of more than 20,000 accounts are not read",
        ),
    ],
)
def test_of_more_hosts_than_are_checked_the_number_is_told(accounts: int, hosts: int, missed: str):
    """A thousand, of twenty thousand accounts."""

    class Routes:
        def ask(self, _method: str, _path: str, *, query=None, body=None) -> dict[str, Any]:
            del body
            begin = int(query["after"])
            end = min(begin + int(query["limit"]), accounts)
            page = [
                {"fulldomain": f"a{number}.auth.example.org", "label": f"h{number}.example.org", "disabled": False}
                for number in range(begin, end)
            ]
            return {"accounts": page, "next": end if end < accounts else None}

    found = labelled_hosts(Routes())
    assert (len(found.hosts), found.missed, found.unread) == (hosts, missed, "")
