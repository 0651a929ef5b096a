"""Whatever keeps the server from starting: exit code 1 and one line that names it and its cure, never a traceback."""

import os
import pwd
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.server import ACMEDNS, free_port

UNPRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


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


def refused(config: Path, *, before: tuple[str, ...] = (), environ: dict[str, str] | None = None) -> str:
    """Start, expect exit code 1 and a single line, and give it."""
    done = subprocess.run(
        [*before, ACMEDNS, "serve", "-c", config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=config.parent,
        env={"PATH": os.environ["PATH"], **(environ or {})},
    )
    assert done.returncode == 1, done
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stdout
    return lines[0]


def test_an_address_that_the_host_does_not_have(tmp_path):
    """The line names it and where to look for the right one."""
    line = refused(configured(tmp_path, dns='listen = ["192.0.2.77:5353"]'))
    assert "192.0.2.77:5353" in line
    assert "no such address" in line


def test_no_right_to_a_low_port(tmp_path):
    """Port 53 without the capability, as root or not: the ways to get it are named."""
    if int(UNPRIVILEGED.read_text()) <= 53:
        pytest.skip("this machine lets everybody bind port 53")
    without = ("setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service")
    line = refused(configured(tmp_path, dns='listen = ["127.0.0.1:53"]'), before=without if os.geteuid() == 0 else ())
    assert "127.0.0.1:53" in line
    assert "CAP_NET_BIND_SERVICE" in line


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


def test_a_database_of_acme_dns_is_refused_untouched(tmp_path):
    """An import is another step; nothing is written."""
    path = tmp_path / "acmedns.db"
    with sqlite3.connect(path) as other:
        other.executescript("CREATE TABLE acmedns(Name TEXT, Value TEXT); CREATE TABLE records(Username TEXT);")
    other.close()
    before = path.read_bytes()
    assert "acme-dns" in refused(configured(tmp_path))
    assert path.read_bytes() == before


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")
def test_the_service_becomes_the_configured_user(tmp_path, make_server):
    """After binding, control and workers run as that user, who owns the database."""
    server = make_server(config='[process]\nuser = "nobody"\n')
    nobody = pwd.getpwnam("nobody")
    for parent in (server.folder, *server.folder.parents):
        if parent != Path("/tmp") and parent.is_relative_to("/tmp"):
            parent.chmod(0o755)
    os.chown(server.folder, nobody.pw_uid, nobody.pw_gid)
    server.start(before=readable_by_all())
    for pid in (server.process.pid, *server.worker_pids()):
        status = Path(f"/proc/{pid}/status").read_text()
        assert f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}" in status
    assert (server.folder / "acmedns.db").stat().st_uid == nobody.pw_uid
