"""The builds of ours that are measured beside each other: as installed, in pure Python, and counting nothing.

The latter two are copies of the package, without its compiled modules or without the lines that count, in environments
of their own whose dependencies are those of this one; so all run side by side and nothing in the program has to know
of it.
"""

import shutil
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import acmedns_py
from acmedns_py.store import migrate

PURE, BATCH, UNCOUNTED = "pure", "batch", "uncounted"

_COMPILED = "*.so"

COUNTING = {
    "dns/responder.py": (
        "                rcode = response[3]\n",
        "                self._truncated += response[2] >> 1 & 1\n",
        "            (self._udp if transport is _UDP else self._tcp)[rcode] += 1\n        except",
    ),
    "worker/udp.py": ("        if self._latency.due():\n            self._latency.sent(instant.monotonic, sent)\n",),
    "worker/tcp.py": ("        if latency.due():\n            latency.sent(instant.monotonic, answered)\n",),
}
"""What a query's way spends on metrics, by module; a last line that has no end is kept."""


@dataclass(frozen=True, slots=True)
class Build:
    """A way to start ours: its name in the tables and the command, to which arguments are added."""

    name: str
    command: tuple[str, ...]


def builds(folder: Path) -> list[Build]:
    """Give the builds there are, fastest first: without a compiled module there is only the pure one."""
    pure = _copied(folder, PURE, without=("__pycache__", _COMPILED))
    if not any(Path(acmedns_py.__file__).parent.rglob(_COMPILED)):
        return [pure]
    return [Build(BATCH, (str(Path(sysconfig.get_path("scripts")) / "acmedns"),)), pure]


def uncounted(folder: Path) -> Build:
    """Give the build as installed without the lines that count; fails where one of these is not there any more."""
    build = _copied(folder, UNCOUNTED, without=("__pycache__",))
    for module, lines in COUNTING.items():
        path = folder / f"{UNCOUNTED}-package" / "acmedns_py" / module
        source = path.read_text(encoding="utf-8")
        for line in lines:
            if source.count(line) != 1:
                raise SystemExit(f"benchmarks/builds.py knows a line of {module} that is not there: {line.strip()}")
            source = source.replace(line, line.rpartition("\n")[2])
        path.write_text(source, encoding="utf-8")
    return build


def _copied(folder: Path, name: str, *, without: Sequence[str]) -> Build:
    package = Path(acmedns_py.__file__).parent
    copy = folder / f"{name}-package"
    shutil.copytree(package, copy / "acmedns_py", ignore=shutil.ignore_patterns(*without))
    shutil.copytree(migrate.scripts(), copy / "acmedns_py/migrations", dirs_exist_ok=True)
    environment = folder / f"{name}-environment"
    venv.create(environment, symlinks=True)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    dependencies = sysconfig.get_path("purelib")
    # In this order: the copy is found before the package that is installed among the dependencies.
    (own / f"{name}.pth").write_text(f"{copy}\n{dependencies}\n", encoding="utf-8")
    python = str(environment / "bin/python")
    return Build(name, (python, "-I", "-c", "from acmedns_py.cli import main; main()"))
