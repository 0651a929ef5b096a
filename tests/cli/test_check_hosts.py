"""What `acmedns check` says to hosts and options that it can't take, before it asks anybody."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

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
