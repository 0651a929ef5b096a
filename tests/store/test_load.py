"""The zone as it is read from the database at the start: the same as the commits have led to."""

import pytest

from acmedns_py.store import bulk
from tests.store.conftest import Opened, a_value


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 1_000])
async def test_accounts_come_whole_however_their_rows_are_cut(opened: Opened, monkeypatch, rows_at_once):
    """Accounts with none to several values, in the order in which they were written, wherever a step of rows ends."""
    monkeypatch.setattr(bulk, "ROWS_AT_ONCE", rows_at_once)
    for count in (0, 1, 2, 0, 7, 2):
        account = await opened.new_account()
        for value in sorted((a_value() for _ in range(count)), reverse=True):
            await opened.store.add_value(account, value)
    loaded = await opened.store.load()
    assert loaded == opened.image.state()
    assert sorted(map(len, loaded.challenges.values())) == [0, 0, 1, 2, 2, 7]
