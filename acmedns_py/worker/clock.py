"""The two clocks that the core is given, read once a batch."""

import time

from acmedns_py.dns.responder import Now


def now() -> Now:
    """Give CLOCK_BOOTTIME, which goes on while the machine sleeps, and Unix time; both in seconds."""
    return Now(time.clock_gettime(time.CLOCK_BOOTTIME), time.time())
