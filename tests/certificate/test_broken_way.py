"""The way to the CA breaks at each request of an order: told in one line, and the next try goes on with that order."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.certificate.conftest import Pebble
from tests.certificate.gate import KINDS, Step, gate
from tests.certificate.life import Run
from tests.lab.authority import Trust


@pytest.fixture
def make_gate(trust: Trust) -> Iterator[Callable[..., Any]]:
    """Put gates before a CA at which nobody dies: the way breaks at a step, once."""
    own = trust.issue("localhost", "127.0.0.1")
    with ExitStack() as ends:
        yield lambda pebble, step: ends.enter_context(
            gate(
                pebble.directory,
                certificate=own,
                bundle=trust.bundle,
                step=step,
                kill=lambda: None,
                decided=lambda: None,
            )
        )


async def test_way_that_breaks_at_any_request(
    tmp_path: Path, make_pebble: Callable[..., Pebble], make_gate: Callable[..., Any]
) -> None:
    """Before the CA hears it and after it has acted; only an order whose number was never told is lost."""
    pebble = make_pebble()
    whole = make_gate(pebble, None)
    await Run(tmp_path / "whole", whole.directory, pebble.access).until_noted()
    requests = [(kind, number) for kind, count in whole.seen.items() for number in range(1, count + 1)]
    assert len(requests) >= 15
    lost, broken_at = {}, set()
    for place, (kind, number) in enumerate(requests):
        for moment in ("unheard", "unanswered"):
            step = Step(kind, number, moment)  # type: ignore[arg-type]
            before = pebble.orders()
            broken = make_gate(pebble, step)
            run = Run(tmp_path / f"state-{place}-{moment}", broken.directory, pebble.access)
            async with run.running() as running:
                shown = run.keeper.shown()
                if not run.keeper.certified:
                    broken_at.add((kind, moment))
                    assert "can't be reached" in str(shown["problem"]), (step, shown)
                    assert "\n" not in str(shown["problem"])
                    assert shown["failures"] == 1
                    assert run.served[-1:] in ([], [{}]), "no proof is left behind"
                    assert run.keeper.renew(force=True) is None
                    await run.next_noted(running)
                assert run.keeper.shown()["problem"] is None, step
                assert run.keeper.certified
            lost[step] = pebble.orders() - before - 1
    assert {step for step, orders in lost.items() if orders} == {Step("newOrder", 1, "unanswered")}
    # How often the CA is asked for a look may differ; each kind of request has been broken in both ways.
    assert broken_at == {(kind, moment) for kind in KINDS.values() for moment in ("unheard", "unanswered")}
