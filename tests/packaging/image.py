"""Builds our image and runs it without a Docker daemon, by buildah and with chroot for isolation.

The base comes from debootstrap under the name that the Dockerfile asks for, in an image store of the tests' own, so
that no image of this machine is replaced. Both are kept in the tests' cache: the base takes a minute, the dependencies
another one. Containers run in a network namespace of their own, which has the image's ports for itself.
"""

import ast
import configparser
import fcntl
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.tools import peers

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = "localhost/debian:bookworm-slim"
"""Where buildah looks first for the short name of the Dockerfile."""

SUITE = "bookworm"
ADDRESSES = ("198.51.100.10", "2001:db8::10")
ENVIRONMENT = {"ACMEDNS_ZONE__NAME": "auth.example.org", "ACMEDNS_ZONE__ADDRESSES": ",".join(ADDRESSES)}
MOST_IMAGES = 60
"""Layers that earlier builds left in the cache; a build has about 20. With more, those without a name are removed."""

# What of this machine's pip configuration says how an index is reached. It is given to the build and stays out of the
# image: an index's address may hold a password.
_PIP_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "proxy", "cert", "default-timeout", "timeout")
_CERTIFICATES = "/run/certificates.pem"
_BUILD_SECONDS = 1200


def need_root() -> None:
    """Skip where we are not root, which debootstrap and chroot need; with CI=true fail."""
    if os.geteuid() != 0:
        peers.missing("building and running the image without a Docker daemon needs root")


class Images:
    """The tests' own image store."""

    def __init__(self) -> None:
        need_root()
        self._program = peers.need("buildah")
        self._debootstrap = peers.need("debootstrap")
        self._folder = peers.cache() / "image"
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def store(self) -> Path:
        """Where images are kept."""
        return self._folder / "store"

    def command(self, *arguments: str | Path) -> list[str]:
        """Give the command line of buildah on this store."""
        state = self._folder / "run"
        return [str(self._program), "--root", str(self.store), "--runroot", str(state), *map(str, arguments)]

    def buildah(self, *arguments: str | Path) -> str:
        """Run buildah to its end and give what it printed; fails with its output."""
        return _run(*self.command(*arguments))

    @contextmanager
    def built(self, dockerfile: Path = REPOSITORY / "Dockerfile") -> Iterator[str]:
        """Build this tree as a Dockerfile says; gives the name of an image that is gone afterwards."""
        name = f"localhost/acmedns-py-{uuid.uuid4()}"
        # Two runs of the tests at once would both make the base.
        with (self._folder / "lock").open("w") as lock, tempfile.TemporaryDirectory() as folder:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.buildah("images", "--quiet", "--filter", f"reference={BASE}").strip():
                self._make_base(Path(folder))
            if len(self.buildah("images", "--all", "--quiet").splitlines()) > MOST_IMAGES:
                self.buildah("rmi", "--prune")
            self.buildah(
                *("bud", "--isolation", "chroot", "--pull=never", "--layers", "--format", "docker", "--tag", name),
                *_pip_of_this_machine(Path(folder)),
                *("--file", dockerfile, REPOSITORY),
            )
        try:
            yield name
        finally:
            self.buildah("rmi", name)

    def _make_base(self, folder: Path) -> None:
        root, archive = folder / "root", folder / "root.tar"
        _run(self._debootstrap, "--variant=minbase", SUITE, root)
        with tarfile.open(archive, "w") as tar:
            tar.add(root, arcname=".", filter=_ships)
        container = self.buildah("from", "scratch").strip()
        self.buildah("add", container, archive, "/")
        self.buildah("commit", "--rm", container, BASE)


class Container:
    """One container of an image, in a network namespace of its own."""

    def __init__(self, images: Images, image: str, *, ipv6: bool) -> None:
        """Make it; it runs nothing yet."""
        self._images = images
        self._image = image
        self._name = images.buildah("from", "--pull-never", image).strip()
        self._processes: list[subprocess.Popen[str]] = []
        self._network = _network(ipv6=ipv6)
        self.addresses = ADDRESSES if ipv6 else ADDRESSES[:1]

    def close(self) -> None:
        """End what runs in it and remove it."""
        for process in self._processes:
            for inside in self.processes(process):
                inside.kill()
            process.kill()
            process.communicate(timeout=20)
        assert self._network.stdin is not None
        self._network.stdin.close()
        self._network.wait(timeout=20)
        self._images.buildah("rm", self._name)

    def command(self, *inside: str) -> list[str]:
        """Give the command line that runs `inside` as the image's user, with a zone as its only configuration."""
        environment = [word for item in ENVIRONMENT.items() for word in ("--env", "=".join(item))]
        run = self._images.command("run", "--isolation", "chroot", *environment, self._name, "--", *inside)
        return self.neighbour(*run)

    def neighbour(self, *command: str | Path) -> list[str]:
        """Give the command line that runs a program of this machine on the container's network."""
        enter = (str(peers.need("nsenter")), "--target", str(self._network.pid), "--net")
        return [*enter, str(peers.need("setpriv")), "--pdeathsig", "KILL", "--", *map(str, command)]

    def run(self, *inside: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the container to its end."""
        return subprocess.run(self.command(*inside), capture_output=True, text=True, check=False, timeout=60)

    def start(self) -> subprocess.Popen[str]:
        """Start what the image starts, and return when the server says that it is ready."""
        config = self.config
        process = subprocess.Popen(
            self.command(*config["Entrypoint"], *config["Cmd"]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._processes.append(process)
        assert process.stdout is not None
        printed = []
        for line in process.stdout:
            printed.append(line)
            if '"ready"' in line:
                return process
        raise AssertionError("the server ended before it was ready; it printed:\n" + "".join(printed))

    def processes(self, started: subprocess.Popen[str]) -> list[psutil.Process]:
        """Give the processes of the server: the control process first, then its workers."""
        if started.poll() is not None:
            return []
        below = psutil.Process(started.pid).children(recursive=True)
        return [process for process in below if process.cmdline()[:1] == ["/opt/acmedns/bin/python"]]

    def curl(self, *arguments: str) -> str:
        """Ask the API from the container's network; fails on every status from 400 on."""
        return _run(*self.neighbour(peers.need("curl"), "--silent", "--show-error", "--fail", *arguments))

    def dig(self, address: str, *question: str) -> str:
        """Ask the DNS port from the container's network."""
        options = ("+short", "+norecurse", "+tries=2", "+time=3")
        return _run(*self.neighbour(peers.need("dig"), f"@{address}", "-p", "8053", *options, *question)).strip()

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the image, as Docker names its parts."""
        whole: dict[str, Any] = json.loads(self._images.buildah("inspect", "--type", "image", self._image))
        config: dict[str, Any] = whole["Docker"]["config"]
        return config

    @contextmanager
    def files(self) -> Iterator[Path]:
        """Give the folder where the container's files can be looked at."""
        yield Path(self._images.buildah("mount", self._name).strip())
        self._images.buildah("umount", self._name)


def _network(*, ipv6: bool) -> subprocess.Popen[bytes]:
    """Open a network namespace that lasts until the process's standard input closes; without IPv6 as Docker's bridge."""
    steps = ["set -e", "ip link set lo up", f"ip address add {ADDRESSES[0]}/32 dev lo"]
    if ipv6:
        steps.append(f"ip address add {ADDRESSES[1]}/128 dev lo nodad")
    else:
        steps.append("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
    steps.append("echo inside; exec cat")
    holder = subprocess.Popen(
        [str(peers.need("unshare")), "--net", "sh", "-c", "\n".join(steps)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == b"inside\n", "no network namespace"
    return holder


def _pip_of_this_machine(folder: Path) -> Sequence[str]:
    """Give the options that let pip reach its index from inside as it does from here."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, str] = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        option = name.rpartition(".")[2]
        # The environment wins over files, and pip lists it in no fixed place.
        if option in _PIP_OPTIONS and (name.startswith(":env:") or option not in found):
            found[option] = ast.literal_eval(value)
    certificates = found.get("cert") or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    mounts = []
    if certificates:
        found["cert"] = _CERTIFICATES
        mounts += ["--volume", f"{certificates}:{_CERTIFICATES}:ro"]
    written = configparser.RawConfigParser()
    written["global"] = found
    path = folder / "pip.conf"
    with path.open("w") as file:
        written.write(file)
    return [*mounts, "--volume", f"{path}:/etc/pip.conf:ro"]


def _ships(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what the official image lacks too: device nodes and downloaded packages."""
    dropped = member.isdev() and not member.isfile()
    return None if dropped or member.name.endswith(".deb") else member


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        [*map(str, command)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
