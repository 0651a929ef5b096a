"""Tokens and chosen labels in the transaction that registers."""

import asyncio
import uuid

import pytest

from acmedns_py.accounts import tokens
from acmedns_py.accounts.ports import Token
from acmedns_py.errors import LabelTaken, RegistrationRefused, StoreUnavailable
from acmedns_py.feed.changes import StaticData
from acmedns_py.store import writer
from tests.store.conftest import APEX, HandClock, Opened, OpenStore, Sql


async def a_token(opened: Opened, name: str = "fleet", **limits: object) -> Token:
    """A token as the API finds it."""
    token = await opened.store.token(tokens.digest(await tokens.issue(opened.store, name, **limits)))  # type: ignore[arg-type]
    assert token is not None
    return token


async def register(opened: Opened, token: Token | None = None, *, label: str | None = None) -> str:
    """Register; gives the username."""
    username = str(uuid.uuid4())
    await opened.store.register(
        username=username,
        label=label or str(uuid.uuid4()),
        allow_from=[],
        verifier="v",
        chosen=label is not None,
        token=token,
    )
    return username


async def test_a_group_shares_out_what_is_left_in_its_order(opened: Opened, sql: Sql):
    """One transaction, two tokens, more registrations than uses: the first ones get them."""
    one, other = await a_token(opened, "one", uses=3), await a_token(opened, "other", uses=2)
    before = len(opened.commits)
    wanted = [one, other, None, one, other, one, one, other, None]
    results = await asyncio.gather(*(register(opened, token) for token in wanted), return_exceptions=True)
    assert [isinstance(result, RegistrationRefused) for result in results] == [False] * 6 + [True, True, False]
    assert {str(result) for result in results if isinstance(result, Exception)} == {"token_used_up"}
    assert len(opened.commits) <= before + 2
    assert len(opened.image.state().challenges) == 7
    assert await sql("SELECT name, uses_left FROM token ORDER BY name") == [("one", 0), ("other", 0)]
    made = "SELECT name, count(*) FROM made_by JOIN token ON token = token.id GROUP BY name ORDER BY name"
    assert await sql(made) == [("one", 3), ("other", 2)]


async def test_what_is_refused_takes_nothing(opened: Opened, sql: Sql):
    """A label that can't be had costs no use, a token that ended takes no label."""
    await opened.store.replace_static([(b"\3www" + APEX, 1, StaticData(60, (b"\1\2\3\4",)))])
    good, ended = await a_token(opened, "good", uses=1), await a_token(opened, "ended")
    await tokens.revoke(opened.store, "ended")
    cursor = opened.image.state().cursor
    for token, label, error in ((good, "www", LabelTaken), (ended, "web", RegistrationRefused)):
        with pytest.raises(error):
            await register(opened, token, label=label)
    assert await sql("SELECT uses_left, last_used_at FROM token WHERE name = 'good'") == [(1, None)]
    assert opened.image.state().cursor == cursor
    await register(opened, good, label="web")
    with pytest.raises(LabelTaken):
        await register(opened, label="web")


async def test_one_that_fails_leaves_the_uses_of_the_others(opened: Opened, sql: Sql):
    """Done again one by one, each takes its own use only."""
    token = await a_token(opened, uses=10)
    taken = await register(opened)
    results = await asyncio.gather(
        register(opened, token),
        opened.store.register(username=taken, label=str(uuid.uuid4()), allow_from=[], verifier="v", token=token),
        register(opened, token),
        return_exceptions=True,
    )
    assert [isinstance(result, StoreUnavailable) for result in results] == [False, True, False]
    assert await sql("SELECT uses_left FROM token") == [(8,)]


async def test_time_of_the_database_ends_a_token(open_store: OpenStore):
    """In the transaction too: a token that was good when it was shown may have ended since."""
    clock = HandClock()
    opened = await open_store(clock=clock)
    token = await a_token(opened, expires_at=(clock.seconds + 10) * 1_000_000)
    assert token.ended is None
    clock.seconds += 9
    await register(opened, token)
    clock.seconds += 1
    with pytest.raises(RegistrationRefused, match="token_expired"):
        await register(opened, token)


async def test_more_tokens_than_a_group_takes_are_all_looked_up(opened: Opened):
    """Look-ups share statements, and nobody gets another's token."""
    made = [await tokens.issue(opened.store, f"t{number}") for number in range(20)]
    found = await asyncio.gather(*(opened.store.token(tokens.digest(text)) for text in made * 20))
    assert [one.name for one in found if one] == [f"t{number}" for number in range(20)] * 20
    assert await opened.store.token("0" * 64) is None
    assert writer.GROUP_REQUESTS < 400


async def test_label_that_two_of_a_group_want_goes_to_the_first(opened: Opened, monkeypatch: pytest.MonkeyPatch):
    """Without the whole group being done again one by one."""

    async def apart(*_arguments: object, **_options: object) -> None:
        raise AssertionError("the group failed")

    monkeypatch.setattr(writer, "apart", apart)
    results = await asyncio.gather(
        *(register(opened, label=label) for label in ("one", "one", "two", "one")), return_exceptions=True
    )
    assert [isinstance(result, LabelTaken) for result in results] == [False, True, False, True]


async def used_at(opened: Opened, sql: Sql) -> int | None:
    """When the only token was used, once all that was asked of the writer is done."""
    await opened.store.expire()
    [(at,)] = await sql("SELECT last_used_at FROM token")
    return at


async def test_a_use_is_noted_once_a_minute(open_store: OpenStore, sql: Sql):
    """By what was read with the token, also where the clock was ahead; nothing that is served changes."""
    clock = HandClock()
    opened = await open_store(clock=clock)
    text = await tokens.issue(opened.store, "storage", scopes=[tokens.STORAGE])

    async def read() -> Token:
        token = await opened.store.token(tokens.digest(text))
        assert token is not None
        return token

    first = clock.seconds * 1_000_000
    for _ in range(3):
        opened.store.note_use(await read())
    assert await used_at(opened, sql) == first
    cursor = opened.image.state().cursor
    clock.seconds += 59
    opened.store.note_use(await read())
    assert await used_at(opened, sql) == first
    clock.seconds += 1
    opened.store.note_use(await read())
    assert await used_at(opened, sql) == first + 60_000_000
    clock.seconds -= 3_600
    opened.store.note_use(await read())
    assert await used_at(opened, sql) == first - 3_540_000_000
    assert opened.image.state().cursor == cursor


async def test_many_uses_at_once_fill_no_queue(opened: Opened, sql: Sql):
    """However often a token is shown meanwhile, one of them waits."""
    token = await a_token(opened)
    for _ in range(2 * writer.QUEUE_REQUESTS):
        opened.store.note_use(token)
    await asyncio.sleep(0)
    await register(opened)
    assert await used_at(opened, sql)
