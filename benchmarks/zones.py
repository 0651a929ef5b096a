"""What the measured servers serve: names and values, as a SQLite database of ours and as a zone file for the others.

Everything follows from a count of accounts and a count of values each, the same in each run. A database is made once,
by direct inserts, and kept in the tests' cache under a hash of its recipe; each run works on a copy.
"""

import asyncio
import base64
import hashlib
import random
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from acmedns_py.dns import name
from acmedns_py.store import migrate, schema
from acmedns_py.store.store import SqlStore
from tests.tools import peers

ZONE = "auth.example.org"
NEGATIVE_TTL, STATIC_TTL, TXT_TTL = 30, 3600, 1
"""The defaults of the configuration, so that the others' answers have the same octets but for the serial."""

_VERIFIER = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How many accounts there are, and how many live values each of them has."""

    accounts: int
    values: int

    def labels(self) -> list[str]:
        """Give the challenge labels: random UUIDs, in the order of registration."""
        return _uuids(self.accounts, seed=5)

    def rows(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each label with its values, 43 characters each as ACME has them."""
        source = random.Random(6)  # noqa: S311 - repeatable on purpose
        for label in self.labels():
            yield (
                label,
                [base64.urlsafe_b64encode(source.randbytes(32))[:43].decode() for _ in range(self.values)],
            )


def _uuids(count: int, *, seed: int) -> list[str]:
    source = random.Random(seed)  # noqa: S311 - repeatable on purpose
    return [str(uuid.UUID(int=source.getrandbits(128), version=4)) for _ in range(count)]


def usernames(count: int) -> list[str]:
    """Give the accounts' usernames, in the order of registration."""
    return _uuids(count, seed=8)


def strange_labels(count: int) -> list[str]:
    """Give labels of the same form that no account has."""
    return _uuids(count, seed=7)


def zone_file(path: Path, recipe: Recipe) -> None:
    """Write the zone in presentation form, with the records at the apex that ours derives from its configuration."""
    with path.open("w", encoding="ascii") as file:
        file.write(
            f"$ORIGIN {ZONE}.\n@ {NEGATIVE_TTL} IN SOA {ZONE}. hostmaster.{ZONE}. 1 14400 3600 604800 {NEGATIVE_TTL}\n"
            f"@ {STATIC_TTL} IN NS {ZONE}.\n@ {STATIC_TTL} IN A 127.0.0.1\n"
        )
        for label, values in recipe.rows():
            file.writelines(f'{label} {TXT_TTL} IN TXT "{value}"\n' for value in values)


def database(folder: Path, recipe: Recipe, *, called: str) -> str:
    """Put a database with these accounts into a folder under a name of its own and give its URL."""
    kept = _kept(recipe)
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        for stale in kept.parent.glob(f"{_prefix(recipe)}*"):
            stale.unlink()
        with tempfile.TemporaryDirectory(dir=kept.parent) as unfinished:
            _fill(Path(unfinished) / kept.name, recipe).rename(kept)
    copy = folder / f"{called}.db"
    shutil.copyfile(kept, copy)
    return f"sqlite:///{copy}"


def _kept(recipe: Recipe) -> Path:
    """Give the place in the cache; another schema or another way of filling it is another place."""
    total = hashlib.sha256()
    for source in (Path(__file__), Path(schema.__file__), *sorted((migrate.scripts() / "versions").glob("r*.py"))):
        total.update(source.read_bytes())
    return peers.cache() / "bench" / f"{_prefix(recipe)}{total.hexdigest()[:16]}.db"


def _prefix(recipe: Recipe) -> str:
    return f"{recipe.accounts}x{recipe.values}-"


async def _make_tables(path: Path) -> None:
    store = await SqlStore.open(
        f"sqlite:///{path}",
        apex=name.from_text(ZONE),
        window_seconds=3600,
        max_values=100,
        on_commit=lambda _commit: None,
    )
    await store.close()


def _fill(path: Path, recipe: Recipe) -> Path:
    """Let the store make its tables, then insert the accounts in one transaction; nothing here need be durable."""
    asyncio.run(_make_tables(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("PRAGMA synchronous = OFF", "PRAGMA cache_size = -1000000", "BEGIN"):
            connection.execute(statement)
        ((cursor, now),) = connection.execute("SELECT cursor, CAST(strftime('%s') AS INTEGER) * 1000000 FROM zone")
        connection.executemany(
            "INSERT INTO account (id, username, label, allow_from, disabled, created_at) VALUES (?, ?, ?, '[]', 0, ?)",
            (
                (number, username, label, now)
                for number, (username, label) in enumerate(
                    zip(usernames(recipe.accounts), recipe.labels(), strict=True), 1
                )
            ),
        )
        connection.executemany(
            "INSERT INTO credential (account, kind, verifier) VALUES (?, ?, ?)",
            ((number, schema.PASSWORD, _VERIFIER) for number in range(1, recipe.accounts + 1)),
        )
        # Not superseded, as the last two of an account are: they stay for ever, whenever this copy is used.
        connection.executemany(
            "INSERT INTO txt (account, value, cursor, written_at, superseded) VALUES (?, ?, ?, ?, ?)",
            (
                (number, value.encode(), cursor, now + rank, rank < recipe.values - 2)
                for number, (_label, values) in enumerate(recipe.rows(), 1)
                for rank, value in enumerate(values)
            ),
        )
        connection.execute("COMMIT")
    return path
