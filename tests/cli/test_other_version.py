"""Commands that are answered by a server of another version: one line, whatever lacks or is of another kind."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import pytest

from tests.command import acmedns

FINDING = {
    "id": "x",
    "verdict": "FAIL",
    "subject": "s",
    "title": "t",
    "seen": "s",
    "consequence": "c",
    "cure": "c",
    "paste": [],
    "repeat": None,
    "stops": False,
    "ignored": False,
}
SECTION = {"name": "x", "title": "t", "seen": "", "not_tested": None, "findings": [FINDING]}
LAST = {
    "running": False,
    "unconfirmed": 0,
    "failure": None,
    "begun": "2026-11-24T16:00:00Z",
    "seconds": 1.5,
    "report": {"zone": "z", "sections": [SECTION]},
}
ACCOUNT = ("account", "show", "x")

Answering = Callable[..., Path]


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Answering]:
    """Have every question answered with this document, by what a configuration leads to."""
    documents: list[bytes] = []
    closing: list[bool] = []

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            self.rfile.read(length)
            self.send_response(200)
            self.send_header("Content-Length", str(len(documents[-1])))
            if closing:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(documents[-1])

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - as the library has it

        def address_string(self) -> str:
            return "local"

        def log_message(self, *_: object) -> None:
            pass

    config, place = tmp_path / "config.toml", tmp_path / "s"
    config.write_text(f'[zone]\nname = "auth.example.org"\naddresses = ["192.0.2.1"]\n[admin]\nsocket = "{place}"\n')

    def answer(document: Any, *, closes: bool = False) -> Path:
        documents.append(json.dumps(document).encode())
        closing.extend([True] * closes)
        return config

    with ThreadingUnixStreamServer(str(place), Answer) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        yield answer
        server.shutdown()
        serving.join()


@pytest.mark.parametrize(
    ("command", "document", "code"),
    [
        (("check", "last"), {}, 3),
        (("check", "last"), {**LAST, "begun": "yesterday"}, 3),
        (("check", "last"), {**LAST, "report": {"zone": "z"}}, 3),
        (("check", "last"), {**LAST, "report": {"zone": "z", "sections": [{**SECTION, "findings": [{}]}]}}, 3),
        (
            ("check", "last"),
            {**LAST, "report": {"zone": "z", "sections": [{**SECTION, "findings": [{**FINDING, "verdict": "WHAT"}]}]}},
            3,
        ),
        (("check", "now"), {}, 3),
        (("check", "now"), {"begun": True, "detail": ""}, 3),
        (("top", "--once"), {}, 1),
        (("top", "--json"), {"at": "2026-11-24T16:00:00Z"}, 1),
        (("stats",), {"accounts": {}}, 1),
        (("account", "trace", "x"), {}, 1),
        (("account", "list"), {}, 1),
        (("account", "list", "--json"), {"accounts": [{}], "next": None}, 1),
        (("account", "list"), {"accounts": [], "next": "x"}, 1),
        (("account", "new", "example.com"), {"username": "x"}, 1),
        (ACCOUNT, {}, 1),
        (("account", "label", "x", "y"), {}, 1),
        (("account", "delete", "x", "--yes"), {}, 1),
        (("account", "rotate", "x"), {}, 1),
        (("account", "values", "x"), {}, 1),
        (("account", "values", "x", "--set", "y"), {}, 1),
        (("account", "clear", "x"), {}, 1),
        (("audit",), {"entries": [{"at": 7}], "next": None}, 1),
        (("token", "new", "x"), {}, 1),
        (("token", "list"), {"tokens": [{}], "next": None}, 1),
        (("certificate", "renew"), {}, 1),
        (("certificate", "revoke", "--yes"), {}, 1),
        (("records", "example.com", "--account", "x"), {}, 1),
        (("challenge-name", "example.com", "x", "--account-url", "https://ca.example/1"), {}, 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_an_answer_of_another_form_is_one_line(
    answering: Answering, command: tuple[str, ...], document: dict[str, Any], code: int
):
    """As after an upgrade without a restart."""
    done = acmedns(*command, "-c", answering(document))
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("acmedns: the server answers in another form (")
    assert done.stderr.endswith("): it is of another version than this command; restart it\n")
    assert done.stderr.count("\n") == 1


def test_a_server_that_closes_is_not_sought_elsewhere(answering: Answering):
    """Another program may be at port 80, where the library would go on."""
    config = answering({"begun": True, "detail": ""}, closes=True)
    done = acmedns("certificate", "renew", "-c", config)
    assert "broke off: it closed the connection; " in done.stderr


def test_more_than_is_read_is_no_other_form(answering: Answering):
    """A newer server may tell more; as JSON it is passed on."""
    document = {**LAST, "news": [1]}
    told = acmedns("check", "last", "-c", answering(document))
    assert (told.returncode, told.stderr) == (2, "")
    assert "begun 2026-11-24 16:00:00Z, took 1.5 s\n" in told.stdout
    told = acmedns("check", "last", "--json", "-c", answering(document))
    assert json.loads(told.stdout) == document
