"""Calls that block, each in a thread of its own that no stop waits for: a CA may take half a minute to answer."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_background(call: Callable[[], T]) -> T:
    """Give what `call` gives or raise what it raises; where the caller stops waiting, its outcome is dropped.

    Not `asyncio.to_thread`: the end of the event loop would wait for it.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            settle = partial(_settle, outcome, partial(outcome.set_exception, error))
        else:
            settle = partial(_settle, outcome, partial(outcome.set_result, result))
        # The loop may be gone by now.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name="certificate", daemon=True).start()
    return await outcome


def _settle(outcome: "asyncio.Future[T]", write: Callable[[], None]) -> None:
    if not outcome.done():
        write()
