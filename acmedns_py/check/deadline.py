"""When a whole check has to be over, so that no server, however slow, and no number of hosts can make it hang."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

T = TypeVar("T")

BASE_SECONDS: Final = 60.0
"""For a zone; a sound one takes less than two, and one with every fault there is some twenty."""

HOST_SECONDS: Final = 0.2
"""For each host more; a sound one takes a fifth of that, as many are looked at together."""

TIME_OVER: Final = "the time of this check has run out"


def usual_seconds(hosts: int) -> float:
    """Give how long a check of so many hosts may take."""
    return BASE_SECONDS + hosts * HOST_SECONDS


class Deadline:
    """A moment from which nothing is asked any more, `seconds` from now by `clock`."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to count."""
        self._clock = clock
        self._end = clock() + seconds

    @property
    def left_seconds(self) -> float:
        """How long there still is, 0 once it is over."""
        return max(0.0, self._end - self._clock())

    @property
    def over(self) -> bool:
        """Whether the moment has come."""
        return not self.left_seconds

    def extend(self, seconds: float) -> None:
        """Put the moment off, as there is more to do than was known."""
        self._end += seconds

    async def blocking(self, work: Callable[[], T]) -> T:
        """Do in a thread what would stop all else; raises `TimeoutError` where it takes too long, and lets it be then.

        The thread is no longer waited for, not even at the end of the program.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def tell(finish: Callable[[], None]) -> None:
            # Whoever comes too late finds the future cancelled, or no loop any more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(lambda: None if done.done() else finish())

        def run() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                tell(partial(done.set_exception, error))
            else:
                tell(partial(done.set_result, result))

        threading.Thread(target=run, daemon=True).start()
        try:
            async with asyncio.timeout(self.left_seconds):
                return await done
        except TimeoutError:
            raise TimeoutError(TIME_OVER) from None
