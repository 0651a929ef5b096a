"""A small Debian machine with systemd as its first process, in namespaces of its own, to run our unit for real."""

import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import psutil

from tests.lab.namespace import until
from tests.packaging.image import ADDRESSES, REPOSITORY, Images
from tests.tools import peers

_DOCKERFILE = """
FROM debian:bookworm-slim
RUN apt-get update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends procps python3 systemd systemd-resolved
"""

_BOOT = """
set -e
mount --make-rprivate /
ip link set lo up
# On a device that leads somewhere: systemd-resolved asks nobody where there is none.
ip link add outside type veth peer name cable
ip link set outside up
ip link set cable up
ip address add {v4}/32 dev outside
ip address add {v6}/128 dev outside nodad
mount --bind "$1" "$1"
cd "$1"
# Read-only: the settings of the kernel are everybody's.
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    touch dev/$device
    mount --bind /dev/$device dev/$device
done
mkdir dev/shm dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p .outside
pivot_root . .outside
umount -l /.outside
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=basic.target
"""


class Machine:
    """Installed as the unit's comment says; use as a context manager, which switches it off."""

    def __init__(self, images: Images, image: str) -> None:
        """`image` is where the installed program comes from."""
        self._images = images
        self._image = image
        self._ends = ExitStack()
        self._first = 0
        self.root = Path()

    def __enter__(self) -> Self:
        with self._ends:
            self._install()
            self._boot()
            self._ends = self._ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def _install(self) -> None:
        images = self._images
        with tempfile.NamedTemporaryFile("w", suffix=".Dockerfile") as dockerfile:
            dockerfile.write(_DOCKERFILE)
            dockerfile.flush()
            base = self._ends.enter_context(images.built(Path(dockerfile.name)))
        container = images.buildah("from", "--pull-never", base).strip()
        self._ends.callback(images.buildah, "rm", container)
        images.buildah("copy", "--from", self._image, container, "/opt/acmedns", "/opt/acmedns")
        self.root = Path(images.buildah("mount", container).strip())
        systemd = REPOSITORY / "deploy" / "systemd"
        self._copy(systemd / "acmedns.service", "etc/systemd/system/acmedns.service")
        self._copy(systemd / "acmedns.sysusers.conf", "etc/sysusers.d/acmedns.conf")

    def _copy(self, source: Path, target: str) -> None:
        path = self.root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes())

    def _boot(self) -> None:
        group = _control_group(self._ends)
        boot = _BOOT.format(v4=ADDRESSES[0], v6=ADDRESSES[1])
        namespaces = ("--cgroup", "--ipc", "--mount", "--net", "--pid", "--uts", "--fork", "--kill-child")
        command = [str(peers.need("unshare")), *namespaces, "sh", "-c", boot, "boot", str(self.root)]
        # The shell enters the control group first, so that it becomes the root of what the machine sees.
        enter = f'echo $$ >{group / "cgroup.procs"} && exec "$@"'
        holder = subprocess.Popen(
            [str(peers.need("setpriv")), "--pdeathsig", "KILL", "sh", "-c", enter, "enter", *command],
            stdin=subprocess.DEVNULL,
        )
        self._ends.callback(_end, holder)
        until(lambda: self._started(holder), seconds=60, what="the machine's systemd")

    def _started(self, holder: subprocess.Popen[bytes]) -> bool:
        assert holder.poll() is None, "the machine did not start"
        for child in psutil.Process(holder.pid).children():
            self._first = child.pid
            # Before this it is a shell that still sees this machine's own files.
            if child.cmdline()[:1] == ["/lib/systemd/systemd"]:
                return self.run("systemctl", "is-active", "--quiet", "basic.target").returncode == 0
        return False

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the machine to its end, as root."""
        enter = [str(peers.need("nsenter")), "--target", str(self._first), "--all", "env", "-i"]
        environment = ["PATH=/opt/acmedns/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"]
        return subprocess.run(
            [*enter, *environment, *command], capture_output=True, text=True, check=False, timeout=120
        )

    def dig(self, address: str, *question: str) -> str:
        """Ask port 53 from the machine's network."""
        dig = (str(peers.need("dig")), f"@{address}", "+short", "+norecurse", "+tries=2", "+time=3", *question)
        enter = (str(peers.need("nsenter")), "--target", str(self._first), "--net", "--")
        return subprocess.run([*enter, *dig], capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    def log(self) -> str:
        """Give what the service has written to the journal."""
        return self.run("journalctl", "--unit", "acmedns", "--output", "cat").stdout


def _control_group(ends: ExitStack) -> Path:
    """Make a group below the root of the version 2 hierarchy; it is gone at the end."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    root = next(Path(target) for _, target, kind, *_ in mounts if kind == "cgroup2")
    group = Path(tempfile.mkdtemp(prefix="acmedns-tests-", dir=root))
    ends.callback(_remove, group)
    return group


def _remove(group: Path) -> None:
    # Control groups hold files that can't be removed, so each is removed as the empty directory that it is.
    for folder in sorted(group.rglob("*/"), reverse=True):
        folder.rmdir()
    group.rmdir()


def _end(holder: subprocess.Popen[bytes]) -> None:
    inside = psutil.Process(holder.pid).children(recursive=True)
    holder.kill()
    holder.wait(timeout=30)
    psutil.wait_procs(inside, timeout=30)
