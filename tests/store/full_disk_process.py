"""Fills the file system that its database is on, and looks what the store makes of it; exits 0 where all is well."""

import asyncio
import sys
from pathlib import Path

from acmedns_py.errors import StoreUnavailable
from acmedns_py.feed.changes import Commit
from acmedns_py.store.store import SqlStore
from tests.store.conftest import APEX

ENOUGH = 10_000
"""Writes that must not fit: 43 octets each in a file system of two MiB, most of it ballast."""


def fill(path: Path) -> None:
    """Leave no octet free."""
    with path.open("wb", buffering=0) as ballast:
        for size in (65_536, 4_096, 1):
            try:
                while ballast.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


async def main(directory: Path) -> None:
    """Write before, while and after the disk is full."""
    commits: list[Commit] = []
    store = await SqlStore.open(
        f"sqlite:///{directory / 'acmedns.db'}", apex=APEX, window_seconds=3600, max_values=ENOUGH,
        on_commit=commits.append,
    )  # fmt: skip
    await store.register(username="host", label="host", allow_from=[], verifier="v")
    account = await store.account("host")
    assert account is not None
    acknowledged = [f"{0:043}"]
    await store.add_value(account, acknowledged[0])
    fill(directory / "ballast")
    for number in range(1, ENOUGH):
        try:
            await store.add_value(account, f"{number:043}")
        except StoreUnavailable as error:
            assert "full" in str(error), error
            break
        acknowledged.append(f"{number:043}")
    else:
        sys.exit("the disk never was full")
    assert await store.account("host") == account, "reads go on"
    (directory / "ballast").unlink()
    await store.add_value(account, "after")
    acknowledged.append("after")
    assert await store.ready()
    (values,) = (await store.load()).challenges.values()
    assert set(values) == {value.encode() for value in acknowledged}
    published = {value for commit in commits for change in commit.challenges for value in change.after or ()}
    assert published == set(values), "nothing was published that is not there"
    await store.close()


asyncio.run(main(Path(sys.argv[1])))
