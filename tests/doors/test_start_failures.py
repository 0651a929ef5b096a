"""Whatever keeps the server from starting: exit code 1 and one line that names it and its cure, never a traceback."""

import grp
import os
import pwd
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acmedns_py.certificate.state import State
from tests.postgres import Postgres
from tests.server import ACMEDNS, free_port
from tests.tools import peers

WITHOUT_OVERRIDE = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
    if os.geteuid() == 0
    else ()
)
"""Put before a command, so that modes hold for root as for everybody else."""

OWN_NETWORK = """
ip link set lo up
echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start
exec setpriv --bounding-set=-net_bind_service --inh-caps=-net_bind_service "$@"
"""


def configured(
    folder: Path, *, zone: str = "", dns: str = "", api: str = "", database: str = "", rest: str = ""
) -> Path:
    """Write a configuration that would serve, but for what a test puts in."""
    path = folder / "config.toml"
    path.write_text(
        f"""
[zone]
name = "auth.example.org"
addresses = ["198.51.100.1"]
{zone}
[dns]
{dns or f'listen = ["127.0.0.1:{free_port()}"]'}
[api]
{api or f'listen = ["127.0.0.1:{free_port()}"]'}
[database]
url = "{database or f"sqlite:///{folder}/acmedns.db"}"
{rest}
"""
    )
    return path


def refused(
    config: Path,
    *,
    command: str = "serve",
    before: tuple[str, ...] = (),
    environ: dict[str, str] | None = None,
) -> str:
    """Run the command, expect exit code 1 and a single line, and give it."""
    done = subprocess.run(
        [*before, ACMEDNS, *command.split(), "-c", config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=config.parent,
        env={"PATH": os.environ["PATH"], **(environ or {})},
    )
    assert done.returncode == 1, done
    # Health probes show what was printed on standard output.
    silent, told = (done.stderr, done.stdout) if command == "health" else (done.stdout, done.stderr)
    assert silent == ""
    lines = told.strip().splitlines()
    assert len(lines) == 1, told
    return lines[0]


def test_a_finding_to_ignore_that_there_is_not(tmp_path):
    """A slip would ignore nothing: the nearest is named."""
    line = refused(configured(tmp_path, rest='[check]\nignore = ["ns-singel"]'))
    assert "check.ignore[0] = 'ns-singel'" in line
    assert "did you mean ns-single?" in line


def test_an_address_that_the_host_does_not_have(tmp_path):
    """The line names it and where to look for the right one."""
    line = refused(configured(tmp_path, dns='listen = ["192.0.2.77:5353"]'))
    assert "192.0.2.77:5353" in line
    assert "no such address" in line


def test_no_right_to_a_low_port(tmp_path):
    """Port 53 without the capability: the ways to get it are named.

    In a network namespace of its own, as many containers let everybody bind every port.
    """
    programs = {str(peers.need(program).parent) for program in ("ip", "setpriv", "unshare")}
    line = refused(
        configured(tmp_path, dns='listen = ["127.0.0.1:53"]'),
        before=("unshare", "--map-root-user", "--net", "sh", "-ec", OWN_NETWORK, "sh"),
        environ={"PATH": os.pathsep.join([os.environ["PATH"], *sorted(programs)])},
    )
    assert "127.0.0.1:53" in line
    assert "CAP_NET_BIND_SERVICE" in line


def test_port_of_proofs_over_http_that_is_taken(tmp_path):
    """The line says which option it is, and who has the port."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        place = f"127.0.0.1:{holder.getsockname()[1]}"
        api = f'listen = ["127.0.0.1:{free_port()}"]\ntls = "acme"\nhostnames = ["api.example.org"]'
        line = refused(configured(tmp_path, api=api, rest=f'[certificate]\nhttp_listen = ["{place}"]'))
    assert line.startswith(f"acmedns: cannot listen on {place} (certificate.http_listen, TCP): the port is taken by ")
    assert f"pid {os.getpid()}" in line


@pytest.mark.parametrize("files", [12, 16, 20, 31])
def test_too_few_open_files(tmp_path, files):
    """Said before anything stumbles over it."""
    line = refused(configured(tmp_path), before=("prlimit", f"--nofile={files}:{files}"))
    assert f"{files} open files are allowed and at least 32 are needed" in line
    assert "LimitNOFILE" in line


def test_a_configuration_that_is_not_there(tmp_path):
    """The path that was named is in the line."""
    assert "missing.toml" in refused(tmp_path / "missing.toml")


def test_a_configuration_that_is_no_toml(tmp_path):
    """The place of the mistake is said."""
    path = tmp_path / "config.toml"
    path.write_text('[zone]\nname = "auth.example.org\n')
    line = refused(path)
    assert "config.toml" in line
    assert "line 2" in line


def test_a_file_where_the_database_should_be_a_directory_below(tmp_path):
    """What can't be made is named."""
    (tmp_path / "file").write_text("")
    line = refused(configured(tmp_path, database=f"sqlite:///{tmp_path}/file/acmedns.db"))
    assert f"{tmp_path}/file" in line


def test_a_file_that_is_no_database(tmp_path):
    """It is left as it is."""
    path = tmp_path / "acmedns.db"
    path.write_text("precious notes, not a database at all" * 100)
    line = refused(configured(tmp_path))
    assert str(path) in line
    assert path.read_text().startswith("precious")


def test_a_database_of_a_later_acme_dns_is_refused_untouched(tmp_path):
    """Its tables may mean something else; nothing is written, and nothing is made beside it."""
    path = tmp_path / "acmedns.db"
    with sqlite3.connect(path) as other:
        other.executescript(
            "CREATE TABLE acmedns(Name TEXT, Value TEXT); INSERT INTO acmedns VALUES ('db_version', '2');"
        )
    other.close()
    before = path.read_bytes()
    assert "has db_version '2', this program knows up to 1; upgrade acmedns-py" in refused(configured(tmp_path))
    assert path.read_bytes() == before
    assert sorted(found.name for found in tmp_path.iterdir()) == ["acmedns.db", "config.toml"]


def test_a_database_url_of_no_known_kind(tmp_path):
    """The forms that are known are written out."""
    assert "postgresql://" in refused(configured(tmp_path, database="mysql://root@localhost/acmedns"))


def test_a_wrong_database_password_is_not_shown(tmp_path, postgres: Postgres, postgres_url):
    """The line says what was refused, and neither the wrong nor any password."""
    database = postgres_url.rpartition("/")[2]
    line = refused(configured(tmp_path, database=postgres.url(database, password="wrong-password")))
    assert "password" in line
    assert "wrong-password" not in line


def test_a_database_server_that_is_not_there(tmp_path):
    """The host is named."""
    port = free_port()
    line = refused(configured(tmp_path, database=f"postgresql://acmedns@127.0.0.1:{port}/acmedns"))
    assert f"127.0.0.1:{port}" in line


def test_certificate_files_that_are_not_there(tmp_path):
    """The first problem is said before any port is bound."""
    line = refused(
        configured(
            tmp_path,
            api=f'listen = ["127.0.0.1:{free_port()}"]\ntls = "cert"\n'
            f'tls_certificate = "{tmp_path}/no.pem"\ntls_key = "{__file__}"',
        )
    )
    assert "no.pem" in line


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may look into; for root only behind `WITHOUT_OVERRIDE`."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0)
    yield folder
    folder.chmod(0o700)


READERS = ("serve", "config check", "health", "db check")
"""The commands that read the configuration."""


@pytest.mark.parametrize("command", READERS)
def test_a_log_file_in_a_folder_that_is_closed(tmp_path, closed, command):
    """The option, the path and the system's word."""
    config = configured(tmp_path, rest=f'[log]\ndestination = "file"\nfile = "{closed}/acmedns.log"')
    line = refused(config, command=command, before=WITHOUT_OVERRIDE)
    assert f"log.file = '{closed}/acmedns.log'" in line
    assert "Permission denied" in line


LOG_FILE = '[log]\ndestination = "file"\nfile = '
UNUSABLE = {
    "an over-long log file": (f'{LOG_FILE}"/tmp/{"x" * 300}"', "log.file", "File name too long"),
    "an over-long folder of the log file": (f'{LOG_FILE}"/tmp/{"x" * 300}/log"', "log.file", "File name too long"),
    "NUL in the log file": (rf'{LOG_FILE}"/tmp/a\u0000b"', "log.file", "NUL"),
    "NUL in a user's name": ('[process]\nuser = "a\\u0000b"', "process.user", "no such user"),
    "a group without a user": ('[process]\ngroup = "nogroup"', "process.group", "process.user"),
}


@pytest.mark.parametrize("what", UNUSABLE)
@pytest.mark.parametrize("command", ["serve", "config check"])
def test_an_option_that_can_not_be_used(tmp_path, what, command):
    """The option is named with what is wrong."""
    rest, option, reason = UNUSABLE[what]
    line = refused(configured(tmp_path, rest=rest), command=command)
    assert f"{option} = " in line
    assert reason in line


@pytest.mark.parametrize("command", ["serve", "config check", "db check", "db upgrade"])
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (r"sqlite:////tmp/a\u0000b", "NUL"),
        ("postgresql://acmedns@/acmedns?host=/tmp&port=abc", "from 1 to 65535"),
    ],
)
def test_a_database_url_that_can_not_be_used(tmp_path, url, reason, command):
    """Whichever command is the first to read it."""
    line = refused(configured(tmp_path, database=url), command=command)
    assert "database.url" in line
    assert reason in line


@pytest.mark.parametrize("command", ["serve", "db check", "db upgrade"])
def test_a_database_in_a_folder_that_is_closed(tmp_path, closed, command):
    """As when an operator looks as another user than the service's; named is the file that was configured."""
    line = refused(
        configured(tmp_path, database=f"sqlite:///{closed}/acmedns.db"), command=command, before=WITHOUT_OVERRIDE
    )
    assert f"database file {closed}/acmedns.db can't be looked at: Permission denied" in line


@pytest.mark.parametrize("command", ["serve", "db check", "db upgrade"])
def test_a_database_path_that_is_too_long(tmp_path, command):
    """The system's word is told."""
    line = refused(configured(tmp_path, database=f"sqlite:////tmp/{'x' * 300}/acmedns.db"), command=command)
    assert "File name too long" in line


def test_a_user_that_does_not_exist(tmp_path):
    """Named with its option."""
    line = refused(configured(tmp_path, rest='[process]\nuser = "no-such-user"'))
    assert "process.user" in line
    assert "no-such-user" in line


def test_several_problems_are_all_said(tmp_path):
    """One line for each, so that one run is enough."""
    path = configured(tmp_path, zone='records = ["www A 300.1.1.1"]\nadmn = "x"', dns='listen = ["nowhere"]')
    done = subprocess.run([ACMEDNS, "serve", "-c", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    for option in ("zone.records", "zone.admn", "dns.listen"):
        assert sum(option in line for line in done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize("arguments", [["serve", "--nonsense"], ["nonsense"], ["serve", "-c"]])
def test_a_wrong_command_line_is_exit_code_2(arguments):
    """Usage errors are told from failures."""
    done = subprocess.run([ACMEDNS, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


def readable_by_all() -> tuple[str, ...]:
    """Give what to put before a command so that another user can run this Python, wherever it is installed.

    A Python below root's own folder is bound to its place again, in a mount namespace where that folder is open.
    """
    prefix = Path(sys.base_prefix)
    closed = [folder for folder in prefix.parents if not folder.stat().st_mode & stat.S_IXOTH]
    if not closed:
        return ()
    home = closed[-1]
    script = (
        f"mount --bind {prefix} /mnt && mount -t tmpfs -o mode=755 tmpfs {home}"
        f' && mkdir -p {prefix} && mount --bind /mnt {prefix} && exec "$@"'
    )
    return ("unshare", "--mount", "sh", "-c", script, "sh")


def test_the_service_becomes_the_configured_user(tmp_path, make_server):
    """After binding, control and workers run as that user and in that group alone; the user owns the database."""
    if os.geteuid() != 0:
        peers.missing("only root can give up root")
    server = make_server(config='[process]\nuser = "nobody"\ngroup = "daemon"\n')
    nobody, group = pwd.getpwnam("nobody"), grp.getgrnam("daemon").gr_gid
    for parent in (server.folder, *server.folder.parents):
        if parent != Path("/tmp") and parent.is_relative_to("/tmp"):
            parent.chmod(0o755)
    os.chown(server.folder, nobody.pw_uid, nobody.pw_gid)
    server.start(before=readable_by_all())
    for pid in (server.process.pid, *server.worker_pids()):
        status = Path(f"/proc/{pid}/status").read_text()
        assert f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}" in status
        assert f"Gid:\t{group}\t{group}\t{group}\t{group}" in status
        assert f"Groups:\t{group} \n" in status
    assert (server.folder / "acmedns.db").stat().st_uid == nobody.pw_uid


def test_place_of_the_own_certificate_that_cannot_be_used(tmp_path):
    """A file in the directory's place, and a damaged key of the account at the CA, which is left as it is."""
    state = tmp_path / "state"
    state.write_text("")
    config = configured(
        tmp_path,
        api=f'listen = ["127.0.0.1:{free_port()}"]\ntls = "acme"',
        # The database is opened before, as its lock says whose the directory is.
        rest=f'[certificate]\ndirectory = "https://127.0.0.1:1/dir"\nstate_dir = "{state}"\n[log]\nlevel = "error"',
    )
    assert f"certificate.state_dir = '{state}': no file can be kept there" in refused(config)
    state.unlink()
    kept = State(state)
    kept.prepare()
    kept.account_key("https://127.0.0.1:1/dir")
    (key,) = state.glob("account-*.pem")
    key.write_bytes(key.read_bytes()[:50])
    line = refused(config)
    assert f"{key} holds no whole private key in PEM; restore it, or move it away" in line
    assert key.stat().st_size == 50
