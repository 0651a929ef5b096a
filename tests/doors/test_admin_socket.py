"""The local socket and the command line behind it: whose it is, what is in its way, and what is done without a server."""

import json
import os
import pwd
import signal
import socket
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.ask import from_every_worker, rcode, values
from tests.command import command
from tests.doors.test_start_failures import configured, readable_by_all
from tests.server import ACMEDNS, value
from tests.tools import peers


def account(server, *arguments, code=0):
    """Run `acmedns account ...` and expect its exit code."""
    done = command(server, "account", *arguments)
    assert done.returncode == code, done
    return done


def start_refused(config):
    """The one line with which `serve` fails; the log tells of the database before that."""
    done = subprocess.run([ACMEDNS, "serve", "-c", config], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done
    return done.stderr


def test_the_socket_is_beside_the_database_and_its_owners_alone(make_server):
    """By default, from its first moment on; it is gone after a stop."""
    server = make_server(config="# [admin]").start()
    path = server.folder / "acmedns.db.sock"
    found = path.stat()
    assert stat.S_ISSOCK(found.st_mode)
    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, os.geteuid())
    account(server, "new", "--subdomain", "one")
    assert server.stop() == 0
    assert not path.exists()


def test_the_socket_belongs_to_the_final_user(make_server):
    """Root may use it, others may not, and the server can remove it."""
    if os.geteuid() != 0:
        peers.missing("only root can give up root")
    server = make_server(config='[process]\nuser = "nobody"\n# [admin]')
    nobody = pwd.getpwnam("nobody").pw_uid
    for parent in (server.folder, *server.folder.parents):
        if parent != Path("/tmp") and parent.is_relative_to("/tmp"):
            parent.chmod(0o755)
    os.chown(server.folder, nobody, -1)
    server.start(before=readable_by_all())
    path = server.folder / "acmedns.db.sock"
    assert path.stat().st_uid == nobody
    made = json.loads(account(server, "new", "--json").stdout)
    assert server.update(made, value(1)).status == 200
    stranger = subprocess.run(
        [*readable_by_all(), "setpriv", "--reuid", "games", "--regid", "games", "--clear-groups",
         ACMEDNS, "stats", "-c", server.config],
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    assert stranger.returncode == 1
    assert f"the socket {path} can't be used: Permission denied; run this as the user" in stranger.stderr
    assert server.stop() == 0
    assert not path.exists()


def test_the_socket_of_a_crashed_server_is_replaced(make_server):
    """It is in nobody's use."""
    server = make_server().start()
    server.kill()
    assert (server.folder / "admin.sock").exists()
    server.start()
    server.wait_for_log("admin_socket_replaced")
    account(server, "new")


def test_a_socket_in_use_is_refused_by_name(make_server):
    """Two servers that were given one path; the first goes on."""
    first = make_server().start()
    path = first.folder / "admin.sock"
    line = start_refused(configured(first.folder.parent, rest=f'[admin]\nsocket = "{path}"'))
    assert (
        f"cannot listen on {path} (admin socket): another server listens there (pid {first.process.pid}, user:" in line
    )
    assert "set admin.socket elsewhere" in line
    account(first, "new")


@pytest.mark.parametrize(
    ("socket_path", "reason"),
    [
        ("{folder}/file", "there is a file of another kind; move it away"),
        ("{folder}/none/none/admin.sock", "No such file or directory; set admin.socket to a path in a directory"),
        ("/proc/admin.sock", "set admin.socket to a path in a directory that user"),
        ("{folder}/" + "x" * 120, "the path has more than 107 octets; set admin.socket to a shorter one"),
    ],
)
def test_a_path_that_can_not_be_used_ends_the_start(tmp_path, socket_path, reason):
    """Where it was configured: in one line."""
    (tmp_path / "file").write_text("mine")
    line = start_refused(configured(tmp_path, rest=f'[admin]\nsocket = "{socket_path.format(folder=tmp_path)}"'))
    assert "(admin socket): " in line
    assert reason in line
    assert (tmp_path / "file").read_text() == "mine"


def test_a_default_path_that_can_not_be_used_is_a_warning(make_server):
    """The server serves as it did before there was such a socket, and the command line says what is wrong."""
    server = make_server(config="# [admin]")
    (server.folder / "acmedns.db.sock").write_text("mine")
    server.start()
    server.wait_for_log("admin_socket_unavailable", "there is a file of another kind")
    told = account(server, "list", code=1).stderr
    assert "no server listens at" in told
    assert "is written by acmedns" in told
    assert told.count("\n") == 1


def test_without_a_server_the_database_itself_is_worked_on(make_server, database_url):
    """The same commands; the next start serves what they did."""
    server = make_server(database_url=database_url).start()
    kept, gone = server.register(), server.register()
    server.stop()
    made = json.loads(account(server, "new", "--label", "offline", "--json").stdout)
    account(server, "delete", gone["subdomain"], "--yes")
    account(server, "values", kept["subdomain"], "--set", value(5))
    listed = [json.loads(line)["username"] for line in account(server, "list", "--json").stdout.splitlines()]
    assert listed == [kept["username"], made["username"]]
    audit = [json.loads(line) for line in command(server, "audit", "--json").stdout.splitlines()]
    assert [one["source"] for one in audit][-3:] == ["offline"] * 3
    server.start()
    assert server.update(made, value(1)).status == 200
    answers = {
        name: {(rcode(one), *values(one)) for one in from_every_worker(server.dns, each["fulldomain"])}
        for name, each in {"made": made, "kept": kept, "gone": gone}.items()
    }
    assert answers == {"made": {("NOERROR", value(1))}, "kept": {("NOERROR", value(5))}, "gone": {("NXDOMAIN",)}}


def test_without_a_database_nothing_is_made(make_server):
    """A wrong path in a configuration must not leave an empty database there."""
    server = make_server()
    told = account(server, "list", code=1).stderr
    assert "no server listens at" in told
    assert "acmedns.db does not exist; acmedns serve or acmedns db upgrade makes it" in told
    assert sorted(path.name for path in server.folder.iterdir()) == ["config.toml"]


def test_two_commands_without_a_server_do_not_meet(make_server):
    """The lock keeps the second one out, in one line."""
    server = make_server()
    assert command(server, "db", "upgrade").returncode == 0
    with closing(sqlite3.connect(server.folder / "acmedns.db")):
        holder = subprocess.Popen(
            ["flock", server.folder / "acmedns.db.lock", "sh", "-c", "echo held; read wait"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert holder.stdout.readline() == b"held\n"
        told = account(server, "new", code=1).stderr
        holder.communicate(b"\n")
    assert "stop that one first" in told
    account(server, "new")


def test_a_server_that_hangs_up_is_told(make_server):
    """The operator is told to look whether it was done."""
    server = make_server()
    path = server.folder / "admin.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        command = subprocess.Popen([ACMEDNS, "stats", "-c", server.config], stderr=subprocess.PIPE, text=True)
        accepted, _ = listening.accept()
        accepted.recv(100)
        accepted.close()
        _, told = command.communicate()
    assert command.returncode == 1
    assert f"the server at {path} broke off" in told
    assert "see the server's log" in told


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word", "detail"),
    [
        ("GET", "/", None, 404, "not_found", "there is nothing at this path"),
        ("GET", "/admin/v1/accounts/a/b/c", None, 404, "not_found", "nothing at this path"),
        ("PUT", "/admin/v1/accounts", None, 405, "method_not_allowed", "possible here: GET, POST"),
        ("POST", "/admin/v1/accounts", b"[]", 400, "unusable", "the body does not fit: Expected `object`, got `array`"),
        ("POST", "/admin/v1/accounts", b"{", 400, "unusable", "the body is no JSON object"),
        ("POST", "/admin/v1/accounts", b"\xff", 400, "unusable", "the body is no JSON object"),
        ("POST", "/admin/v1/accounts", b'{"labels":"x"}', 400, "unusable", "unknown field `labels`"),
        (
            "PATCH",
            "/admin/v1/accounts/x",
            b"{}",
            400,
            "unusable",
            "give exactly one of label, allowfrom, disabled and txt_rule",
        ),
        ("GET", "/admin/v1/accounts?limit=0", None, 400, "unusable", "limit = '0' is no number that can be used"),
        ("GET", "/admin/v1/accounts?after=-1", None, 400, "unusable", "after = '-1' is no number"),
        ("GET", "/admin/v1/accounts?what=1", None, 400, "unusable", "the parameter 'what' is not known; known are"),
        ("GET", "/admin/v1/accounts?disabled=1", None, 400, "unusable", "disabled = '1' is neither true nor false"),
        ("GET", "/admin/v1/audit?since=now", None, 400, "unusable", "since = 'now' is no time; write one such as"),
        ("GET", "/admin/v1/accounts/%00", None, 404, "unknown_account", "there is no account"),
    ],
)
def test_what_is_no_request_of_the_routes_is_told(admin, method, path, body, status, word, detail):
    """In JSON, with a word for programs and a text for people."""
    done = subprocess.run(
        ["curl", "-s", "-w", "\\n%{http_code}", "-X", method, "--unix-socket", admin, f"http://localhost{path}",
         *(["--data-binary", "@-"] if body is not None else [])],
        input=body, capture_output=True, check=True,
    )  # fmt: skip
    document, code = done.stdout.rsplit(b"\n", 1)
    told = json.loads(document)
    assert (int(code), told["error"]) == (status, word)
    assert detail in told["detail"]


@pytest.mark.parametrize(
    "octets",
    [
        b"HELO secret\r\n\r\n",
        b"GET /admin/v1/stats HTTP/1.1\r\nHost: x\0secret\r\n\r\n",
        b"GET /secret" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /admin/v1/accounts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n",
    ],
)
def test_what_is_no_http_is_answered_in_our_form_and_logged_without_its_octets(admin, server, octets):
    """As by the routes, and nothing of aiohttp's; the server goes on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(30)
        connection.connect(str(admin))
        connection.sendall(octets)
        answer = b"".join(iter(lambda: connection.recv(10_000), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"400"
    assert b"aiohttp" not in head
    assert json.loads(body)["error"] == "bad_request"
    assert "this is no HTTP request, or broke off" in json.loads(body)["detail"]
    server.wait_for_log("admin_request_unreadable", "user:root" if os.geteuid() == 0 else "user:")
    assert "secret" not in server.log.read_text()
    assert command(server, "stats").returncode == 0


LONG = "x" * 900_000
MANY = ["192.0.2.0/24"] * 1_001


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("tokens", {"name": LONG}, "is no name of a token"),
        ("tokens", {"name": "t", "scopes": [LONG]}, "is not known; known are register"),
        ("tokens", {"name": "t", "scopes": ["write"] * 9}, "9 scopes are too many; write each of register"),
        ("tokens", {"name": "t", "sources": [LONG]}, "is no network; write it with its mask"),
        ("tokens", {"name": "t", "sources": MANY}, "1001 sources are too many; write up to 1000"),
        ("tokens", {"name": "t", "sources": ["192.0.2.0/" + "0" * 2000 + "24"]}, "is no network"),
        ("tokens", {"name": "t", "labels": LONG}, "is no pattern"),
        ("tokens", {"name": "t", "txt_rule": LONG}, "is no rule of values"),
        ("accounts", {"label": LONG}, "write up to 200 printable characters"),
        ("accounts", {"subdomain": LONG}, "write up to 63 letters"),
        ("accounts", {"allowfrom": [LONG]}, "is no network"),
        ("accounts", {"allowfrom": MANY}, "1001 networks are too many; write up to 1000, or wider ones"),
        ("accounts", {"txt_rule": LONG}, "is no rule of values"),
    ],
)
def test_what_is_longer_than_anything_that_is_good_is_told_in_few_words(admin, server, path, body, detail):
    """It is neither sent back nor kept in the audit log, so that a backup can be restored."""
    done = subprocess.run(
        ["curl", "-s", "--unix-socket", admin, f"http://localhost/admin/v1/{path}", "--data-binary", "@-"],
        input=json.dumps(body).encode(), capture_output=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["error"] == "unusable"
    assert detail in told["detail"]
    assert len(done.stdout) < 400
    lines = command(server, "audit", "--json").stdout.splitlines()
    assert max(map(len, lines), default=0) < 100_000


def test_a_body_that_is_too_long_is_told(admin):
    """It is read no further than that."""
    done = subprocess.run(
        ["curl", "-s", "--unix-socket", admin, "http://localhost/admin/v1/accounts", "--data-binary", "@-"],
        input=b"x" * 1_048_577, capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["error"] == "payload_too_large"


@pytest.fixture(scope="module")
def admin(server):
    """The socket of the module's server."""
    return server.folder / "admin.sock"


def test_a_stop_lets_a_command_in_hand_finish(make_server):
    """It waits for a paused worker, and is answered before the server is gone."""
    server = make_server().start()
    server.register()
    os.kill(server.worker_pids()[0], signal.SIGSTOP)
    command = subprocess.Popen(
        [ACMEDNS, "account", "new", "--json", "-c", server.config], stdout=subprocess.PIPE, text=True
    )
    server.wait_for_log("worker_died")
    assert server.stop() == 0
    out, _ = command.communicate()
    assert command.returncode == 0
    assert json.loads(out)["fulldomain"].endswith(server.zone)
