"""Password hashing on a few threads of the lowest priority, with a bounded line in front.

What is stored is Argon2id. Accounts that came from acme-dns have bcrypt, which is verified in the same way and is
`outdated`: whoever logs in with it gets a verifier of ours.

Hashing is the one costly thing that a stranger can ask of the API, so it may never take a core from DNS
(threads run at nice 19) and never pile up (who finds the line full, or waits too long in it, is told to come
back). Logins go before registrations, and registrations may take only some of the places: a host that renews has
a deadline, and strangers who register must not make it miss that. A caller takes a turn, may look once more
whether the work is still wanted, and then hashes:

    async with pool.turn(Work.LOGIN):
        ...
        await pool.verify(verifier, password)
"""

import asyncio
import base64
import os
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

import bcrypt
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from acmedns_py.errors import Overloaded, Refused
from acmedns_py.histogram import Histogram, Seen

MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
"""OWASP's first choice for Argon2id: 19 MiB, two passes, one lane; 35 to 50 ms on a small server."""

MOST_BCRYPT_COST = 14
"""About a second; acme-dns uses 10, some 60 ms. Each step doubles it, and 31 would take a thread for a day."""

MOST_ARGON2_KIB = 262_144
MOST_ARGON2_PASSES = 16
MOST_ARGON2_LANES = 16
"""Of a verifier that came in a backup: 256 MiB, above what a server for logins has. 2 GiB would take all its memory."""

MOST_BCRYPT_OCTETS = 72
"""What is longer bcrypt can't take in."""

_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")

_ARGON2 = re.compile(r"\$argon2(?:id|i|d)\$(?:v=[0-9]+\$)?m=([0-9]{1,100}),t=([0-9]{1,100}),p=([0-9]{1,100})\$")
"""What argon2's own reader takes, and more; that of its Python takes four times as long, and a restore asks of all."""

LOWEST_PRIORITY = 19
MOST_THREADS = 4
MOST_WAITING = 64
MOST_REGISTRATIONS_WAITING = 32
"""Of `MOST_WAITING`; the other places are for logins alone."""

PATIENCE_SECONDS = 5.0
RETRY_AFTER_SECONDS = 5

SECONDS_BOUNDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Of one hash or check."""

T = TypeVar("T")


def _encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode().rstrip("=")


NOBODY = (
    f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}"
    f"${_encoded(secrets.token_bytes(16))}${_encoded(secrets.token_bytes(32))}"
)
"""A verifier that no password fits: checked for usernames that don't exist, so that they cost the same."""


def bcrypt_cost(verifier: str) -> int | None:
    """The cost of a bcrypt hash, None for anything else; $2x$ is a known mistake of one program, not bcrypt."""
    match = _BCRYPT.fullmatch(verifier)
    return int(match[1]) if match else None


def argon2_too_costly(verifier: str) -> bool:
    """Whether this is an Argon2 hash that asks for more than is given to a login; False for anything else."""
    found = _ARGON2.match(verifier)
    if found is None:
        return False
    memory_kib, passes, lanes = map(int, found.groups())
    return memory_kib > MOST_ARGON2_KIB or passes > MOST_ARGON2_PASSES or lanes > MOST_ARGON2_LANES


def outdated(verifier: str) -> bool:
    """Whether a verifier should be replaced as soon as its password is known."""
    return bcrypt_cost(verifier) is not None


class Work(Enum):
    """What a turn is for; who stands first here goes first."""

    LOGIN = "login"
    REGISTRATION = "registration"


@dataclass(frozen=True, slots=True)
class HashingLoad:
    """How the pool stands: its threads and the busy ones, who waits, who was sent away so far, how long hashes took."""

    threads: int
    busy: int
    waiting: dict[str, int]
    refused_full: int
    refused_slow: int
    hashes: Seen


class HashPool:
    """Threads that hash and verify passwords; `close` it when the last request has been answered."""

    def __init__(
        self,
        *,
        threads: int | None = None,
        most_waiting: int = MOST_WAITING,
        most_registrations_waiting: int = MOST_REGISTRATIONS_WAITING,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """`threads` is by default one less than the cores, at least 1 and at most 4."""
        count = threads or max(1, min(MOST_THREADS, (os.cpu_count() or 1) - 1))
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="hashing", initializer=_step_back)
        self._count = self._free = count
        self._refused_full = self._refused_slow = 0
        self._seconds = Histogram(SECONDS_BOUNDS)
        self._lines: dict[Work, deque[asyncio.Future[None]]] = {work: deque() for work in Work}
        self._most_waiting = most_waiting
        self._most_registrations_waiting = most_registrations_waiting
        self._patience_seconds = patience_seconds
        self._hasher = PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, hash_len=32, salt_len=16, type=Type.ID
        )

    def load(self) -> HashingLoad:
        """Give how much there is to do, and how much there was."""
        return HashingLoad(
            self._count,
            self._count - self._free,
            {work.value: len(line) for work, line in self._lines.items()},
            self._refused_full,
            self._refused_slow,
            self._seconds.seen(),
        )

    @asynccontextmanager
    async def turn(self, work: Work) -> AsyncIterator[None]:
        """Wait in line for a thread; raises `Overloaded` where the line is full or moves too slowly."""
        # A thread is free only while nobody waits: whoever gives one back hands it to the next in line.
        if self._free:
            self._free -= 1
        else:
            await self._wait(work)
        try:
            yield
        finally:
            self._hand_on()

    async def _wait(self, work: Work) -> None:
        line = self._lines[work]
        full = sum(map(len, self._lines.values())) >= self._most_waiting
        if full or (work is Work.REGISTRATION and len(line) >= self._most_registrations_waiting):
            self._refused_full += 1
            raise Overloaded("the line for password hashing is full", retry_after=RETRY_AFTER_SECONDS)
        place = asyncio.get_running_loop().create_future()
        line.append(place)
        try:
            async with asyncio.timeout(self._patience_seconds):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                # The turn came in the very moment of giving up.
                self._hand_on()
            elif place in line:
                line.remove(place)
            if isinstance(error, TimeoutError):
                self._refused_slow += 1
                raise Overloaded("no thread for password hashing came free", retry_after=RETRY_AFTER_SECONDS) from None
            raise

    def _hand_on(self) -> None:
        """Give a thread to the next in line, logins first; without one it is free."""
        for line in self._lines.values():
            while line:
                place = line.popleft()
                if not place.done():
                    place.set_result(None)
                    return
        self._free += 1

    async def hash(self, password: str) -> str:
        """The Argon2id verifier of a password, in its usual text form; to be called within a turn."""
        return await self._timed(self._hasher.hash, password)

    async def verify(self, verifier: str, password: str) -> bool:
        """Whether the password fits; to be called within a turn.

        Raises `Refused` for a stored verifier that is neither Argon2's nor bcrypt's, or whose cost is too high.
        """
        return await self._timed(self._fits, verifier, password)

    async def _timed(self, work: Callable[..., T], *arguments: str) -> T:
        began = time.monotonic()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._seconds.observe(time.monotonic() - began)

    def _fits(self, verifier: str, password: str) -> bool:
        cost = bcrypt_cost(verifier)
        if cost is not None:
            return _fits_bcrypt(verifier, cost, password)
        if argon2_too_costly(verifier):
            raise Refused("argon2_cost_too_high")
        try:
            return self._hasher.verify(verifier, password)
        except InvalidHashError:
            raise Refused("unreadable_verifier") from None
        except VerificationError:
            return False

    def close(self) -> None:
        """Let the threads end; what has not begun is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _fits_bcrypt(verifier: str, cost: int, password: str) -> bool:
    if cost > MOST_BCRYPT_COST:
        raise Refused("bcrypt_cost_too_high")
    octets = password.encode("utf-8", "surrogatepass")
    # Implementations cut at the first NUL or at 72 octets, each in its own way: no such password is right.
    if len(octets) > MOST_BCRYPT_OCTETS or b"\0" in octets:
        return False
    try:
        return bcrypt.checkpw(octets, verifier.encode())
    except ValueError:
        # The form is bcrypt's, yet no hash: a cost below 4, or a salt that can't be.
        raise Refused("unreadable_verifier") from None


def _step_back() -> None:
    """Give the calling thread the lowest priority; on Linux a thread's own id stands for it alone.

    Nice 19 alone lets a hash finish its slice of some 3 ms before a DNS worker that wakes up; SCHED_IDLE (sched(7))
    gives way at once. A system that does not allow it is left with the former.
    """
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, LOWEST_PRIORITY)
    with suppress(OSError):
        os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
