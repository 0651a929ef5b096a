"""Where the programs are that we are tested against, and what happens where one is missing.

Three kinds: programs of the distribution (NSD, unbound, dig), Go programs built from `tests/tools/go/`, and Python
clients in an environment of their own. The two latter live in a cache outside the repository, in folders named after a
hash of what they are made of, so that a changed version never meets a stale build. `tests/tools/install` fills it.

Only the standard library may be imported at module level: `install` runs before any environment exists.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
GO_SOURCES = HERE / "go"
CLIENTS_LOCK = HERE / "clients-requirements.txt"
GO_LOCK = HERE / "go-requirements.txt"

# Program -> the package of Debian that brings it.
DEBIAN_PACKAGES = {
    "buildah": "buildah",
    "crun": "crun",
    "curl": "curl",
    "debootstrap": "debootstrap",
    "delv": "bind9-dnsutils",
    "dig": "bind9-dnsutils",
    "dnsdist": "dnsdist",
    "dnsperf": "dnsperf",
    "gcc": "gcc",
    "initdb": "postgresql",
    "ip": "iproute2",
    "kdig": "knot-dnsutils",
    "knotd": "knot",
    "nft": "nftables",
    "nginx": "nginx",
    "nsd": "nsd",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "pg_ctl": "postgresql",
    "podman": "podman",
    "podman-compose": "podman-compose",
    "postgres": "postgresql",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "psql": "postgresql-client",
    "python3-config": "python3-dev",
    "runc": "runc",
    "setpriv": "util-linux",
    "systemd-analyze": "systemd",
    "taskset": "util-linux",
    "unbound": "unbound",
    "unshare": "util-linux",
}

# Program -> the package to build in its folder's module; "." is our own main.go.
GO_PROGRAMS = {
    "caddy": ".",
    "cert-manager": ".",
    "goacmedns-0.1": ".",
    "goacmedns-0.2": ".",
    "lego": "github.com/go-acme/lego/v4/cmd/lego",
    "pebble": "github.com/letsencrypt/pebble/v2/cmd/pebble",
}

PYTHON_CLIENTS = ("certbot",)

# Debian keeps daemons and PostgreSQL's own programs off an ordinary user's PATH.
_EXTRA_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")
_POSTGRES_FOLDERS = "/usr/lib/postgresql"


def cache() -> Path:
    """Give the folder of everything built for the tests: ACMEDNS_TESTS_CACHE, else below the user's cache folder."""
    if own := os.environ.get("ACMEDNS_TESTS_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "acmedns-tests"


def go_program(program: str) -> Path:
    """Give the path where the build of a Go program belongs, whether it exists or not."""
    source = GO_SOURCES / program
    return cache() / "go" / f"{program}-{_digest(*sorted(source.iterdir()))}" / program


def clients_environment() -> Path:
    """Give the folder of the Python clients' virtual environment."""
    return cache() / f"clients-{_digest(CLIENTS_LOCK)}"


def go_environment() -> Path:
    """Give the folder of the virtual environment that brings Go where the machine has none that is recent enough."""
    return cache() / f"go-{_digest(GO_LOCK)}"


def find(program: str) -> Path | None:
    """Give the path of a program, or None where it is not installed; unknown names are looked for on the PATH only."""
    if program in GO_PROGRAMS:
        built = go_program(program)
        return built if built.is_file() else None
    if program in PYTHON_CLIENTS:
        script = clients_environment() / "bin" / program
        return script if script.is_file() else None
    versions = sorted(Path(_POSTGRES_FOLDERS).glob("*/bin"), key=_version, reverse=True)
    folders = [os.environ.get("PATH", os.defpath), *_EXTRA_FOLDERS, *map(str, versions)]
    found = shutil.which(program, path=os.pathsep.join(folders))
    return Path(found) if found else None


def need(program: str) -> Path:
    """Give the path of a program, or skip the running test and name what is missing; with CI=true it fails instead."""
    path = find(program)
    return path if path is not None else missing(f"{program} is not installed here; run tests/tools/install")


def missing(reason: str) -> NoReturn:
    """Skip the running test for what this machine lacks; with CI=true fail, so that nothing goes untested unseen."""
    import pytest  # not at the top: `install` reads this module where no pytest exists

    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())


def _digest(*files: Path) -> str:
    total = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        total.update(f"{file.name} {len(content)}\n".encode() + content)
    return total.hexdigest()[:16]
