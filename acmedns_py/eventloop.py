"""Which event loop runs a process: uvloop where the extra `speed` is installed, else asyncio's own."""

import asyncio
from collections.abc import Callable


def event_loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Give the maker of event loops, for `asyncio.Runner`."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
