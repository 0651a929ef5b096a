"""Calls to a CA, which block, each in a thread of its own that no stop waits for and nobody waits for without end."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from acmedns_py.errors import NotIssued

CALL_SECONDS: Final = 300.0
"""The longest call. Each answer has a limit of its own, but not a CA that sends an octet of it now and then."""

T = TypeVar("T")


async def in_background(call: Callable[[], T]) -> T:
    """Give what `call` gives or raise what it raises; where the caller stops waiting, its outcome is dropped.

    Raises `NotIssued` where it does not begin, or does not end within `CALL_SECONDS`.
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

    try:
        threading.Thread(target=run, name="certificate", daemon=True).start()
    except RuntimeError as error:
        raise NotIssued(f"{error}; see what limits the threads of this server") from error
    late = NotIssued(f"the CA was not done after {CALL_SECONDS:.0f} s")
    limit = loop.call_later(CALL_SECONDS, _settle, outcome, partial(outcome.set_exception, late))
    try:
        return await outcome
    finally:
        limit.cancel()


def _settle(outcome: "asyncio.Future[T]", write: Callable[[], None]) -> None:
    if not outcome.done():
        write()
