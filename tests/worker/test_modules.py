"""Promise 4 by its imports: what is never loaded can't be reached by whoever breaks into a worker."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def forbidden() -> set[str]:
    """Give the modules that the import contract of promise 4 forbids: one list for both."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [contract for contract in contracts if contract["name"].startswith("promise 4")]
    return set(contract["forbidden_modules"])


MUST = {"acmedns_py.store", "acmedns_py.accounts", "acmedns_py.config", "argon2", "asyncpg", "sqlalchemy", "sqlite3"}
"""What the list may never lose: database, hashes, passwords."""


def test_a_worker_loads_neither_database_nor_hashes_nor_http():
    """The modules of a real worker's start hold none of the forbidden ones, however indirectly."""
    program = "import json, sys, acmedns_py.worker.main; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True).stdout)
    assert "acmedns_py.dns.responder" in loaded
    assert forbidden() >= MUST
    assert not forbidden() & set(loaded)
