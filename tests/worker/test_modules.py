"""Promise 4 by its imports: what is never loaded can't be reached by whoever breaks into a worker."""

import json
import subprocess
import sys

FORBIDDEN = {
    "acmedns_py.accounts",
    "acmedns_py.api",
    "acmedns_py.config",
    "acmedns_py.dns.presentation",
    "acmedns_py.log",
    "acmedns_py.service",
    "acmedns_py.store",
    "aiohttp",
    "aiosqlite",
    "argon2",
    "asyncpg",
    "dns",
    "pydantic",
    "sqlalchemy",
    "sqlite3",
    "structlog",
}


def test_a_worker_loads_neither_database_nor_hashes_nor_http():
    """The modules of a real worker's start hold none of the forbidden ones, however indirectly."""
    program = "import json, sys, acmedns_py.worker.main; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True).stdout)
    assert "acmedns_py.dns.responder" in loaded
    assert not FORBIDDEN & set(loaded)
