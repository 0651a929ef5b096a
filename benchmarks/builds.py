"""The builds of ours that are measured beside each other: as installed, and in pure Python.

The pure one is a copy of the package without its compiled modules, in an environment of its own whose dependencies are
those of this one; so both run side by side and nothing in the program has to know of it.
"""

import shutil
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import acmedns_py
from acmedns_py.store import migrate

PURE, BATCH = "pure", "batch"

_COMPILED = "*.so"


@dataclass(frozen=True, slots=True)
class Build:
    """A way to start ours: its name in the tables and the command, to which arguments are added."""

    name: str
    command: tuple[str, ...]


def builds(folder: Path) -> list[Build]:
    """Give the builds there are, fastest first: without a compiled module there is only the pure one."""
    package = Path(acmedns_py.__file__).parent
    copy = folder / "pure-package"
    shutil.copytree(package, copy / "acmedns_py", ignore=shutil.ignore_patterns(_COMPILED, "__pycache__"))
    shutil.copytree(migrate.scripts(), copy / "acmedns_py/migrations", dirs_exist_ok=True)
    environment = folder / "pure-environment"
    venv.create(environment, symlinks=True)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    dependencies = sysconfig.get_path("purelib")
    # In this order: the copy is found before the package that is installed among the dependencies.
    (own / "pure.pth").write_text(f"{copy}\n{dependencies}\n", encoding="utf-8")
    python = str(environment / "bin/python")
    pure = Build(PURE, (python, "-I", "-c", "from acmedns_py.cli import main; main()"))
    if not any(package.rglob(_COMPILED)):
        return [pure]
    return [Build(BATCH, (str(Path(sysconfig.get_path("scripts")) / "acmedns"),)), pure]
