"""A host on which `docker compose` runs our compose file, without Docker: podman-compose in namespaces of its own.

Networks, published ports, volumes, read-only roots and dropped capabilities are podman's, as the file asks for them.
Images are not built here: the file names one that is there. Nothing of this machine's containers is seen or changed.
"""

import os
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.packaging.image import ADDRESSES, REPOSITORY, Images
from tests.tools import peers

_DOCKER = """#!/bin/sh
# "docker compose" in the words of podman-compose: only what the tutorial says, and the rest is an error.
set -eu
[ "$1" = compose ] || exit 64
shift
command=$1
container=deploy_acmedns_1
shift
case $command in
up)
    wait=
    for option; do
        case $option in
            --detach | --build) ;;
            --wait) wait=yes ;;
            *) exit 64 ;;
        esac
    done
    # Its exit code says nothing.
    podman-compose up --detach >&2
    [ -z "$wait" ] || until podman healthcheck run $container >&2; do
        [ "$(podman inspect --format '{{.State.Running}}' $container)" = true ] || exit 1
        sleep 0.2
    done
    ;;
exec)
    [ "$1" != -T ] || shift
    service=$1
    shift
    [ $service = acmedns ] || exit 64
    exec podman exec $container "$@"
    ;;
stop | start) podman-compose $command "$@" >&2 ;;
run) podman-compose run --no-deps -T "$@" ;;
*) exit 64 ;;
esac
"""

_CRUN = """#!{python} -I
# crun without raising limits, which needs a capability that machines for tests may lack.
import json, os, sys
if "create" in sys.argv:
    path = os.path.join(sys.argv[sys.argv.index("--bundle") + 1], "config.json")
    with open(path) as file:
        config = json.load(file)
    config["process"].pop("rlimits", None)
    with open(path, "w") as file:
        json.dump(config, file)
os.execv("{crun}", ["crun", *sys.argv[1:]])
"""

_CONTAINERS = """
[containers]
cgroups = "disabled"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
[engine.runtimes]
crun = ["{folder}/bin/crun"]
"""

_STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/store"
runroot = "{folder}/run"
[storage.options]
additionalimagestores = ["{images}"]
"""

_BOOT = """
set -e
mount --make-rprivate /
mount -t proc proc /proc
# crun takes no mixture of the two versions of control groups.
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# What podman and its network keep outside of their folders.
for folder in /run /dev/shm /etc/cni/net.d /etc/containers/networks /var/lib/cni; do
    mkdir -p $folder
    mount -t tmpfs tmpfs $folder
done
ip link set lo up
ip link add outside type veth peer name cable
ip link set outside up
ip link set cable up
ip address add {address}/32 dev outside
echo inside
exec cat
"""


class ComposeHost:
    """Holds the folder `deploy`; use as a context manager, at whose end nothing of it runs."""

    def __init__(self, images: Images, image: str) -> None:
        """`image` is what the compose file would build."""
        self._images = images
        self._image = image
        self._ends = ExitStack()
        self._first = 0
        self.deploy = Path()

    def __enter__(self) -> Self:
        with self._ends:
            folder = Path(self._ends.enter_context(tempfile.TemporaryDirectory()))
            self._install(folder)
            self._boot()
            self._ends = self._ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def _install(self, folder: Path) -> None:
        for program in ("podman", "podman-compose"):
            peers.need(program)
        self._folder = folder
        programs = {"docker": _DOCKER, "crun": _CRUN.format(python=sys.executable, crun=peers.need("crun"))}
        (folder / "bin").mkdir()
        for name, text in programs.items():
            path = folder / "bin" / name
            path.write_text(text)
            path.chmod(0o755)
        (folder / "containers.conf").write_text(_CONTAINERS.format(folder=folder))
        (folder / "storage.conf").write_text(_STORAGE.format(folder=folder, images=self._images.store))
        self.deploy = folder / "deploy"
        self.deploy.mkdir()
        compose = (REPOSITORY / "deploy" / "docker-compose.yml").read_text()
        named, count = re.subn(
            r"image: acmedns-py\n    build:\n      context: \.\.\n", f"image: {self._image}\n", compose
        )
        assert count == 1, "the image's name has another place in the compose file"
        (self.deploy / "docker-compose.yml").write_text(named)

    def _boot(self) -> None:
        namespaces = ("--mount", "--net", "--pid", "--fork", "--kill-child")
        holder = subprocess.Popen(
            [str(peers.need("unshare")), *namespaces, "sh", "-c", _BOOT.format(address=ADDRESSES[0])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._ends.callback(_end, holder)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"inside\n", "no namespaces for containers"
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text()
        self._first = int(children.split()[0])

    def run(self, script: str, *, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run commands as root in the folder `deploy`."""
        enter = [str(peers.need("nsenter")), "--target", str(self._first), "--mount", "--net", "--pid"]
        environment = {
            "PATH": f"{self._folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self._folder),
            "CONTAINERS_CONF": str(self._folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._folder / "storage.conf"),
        }
        return subprocess.run(
            [*enter, "sh", "-euc", f"cd {self.deploy}\n{script}"],
            env={**environment, "LANG": os.environ.get("LANG", "C.UTF-8")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )


def _end(holder: subprocess.Popen[bytes]) -> None:
    # Its standard input closes, and with its first process the namespace ends.
    holder.communicate(timeout=30)
