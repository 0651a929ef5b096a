"""The checker of promise 1: clients that change their names, and at the instant of each 200 ask every worker.

Each client has an account at a time, and knows what its name must and may say (`ledger`). With each request it sends a
question to every socket, and behind the 200 another one, over UDP and over TCP, kept and fresh connections. The early
ones matter: a worker that wakes from a pause finds them before its feed, and reads on to the later ones. Meanwhile
`Faults` kills, pauses and reloads. Whatever is wrong stands in the report with what was done to the server before.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.api.wire import Reply, Wire, request
from tests.faults import places
from tests.faults.asking import Challenge, Everywhere, Fixed, Report, Subject, within
from tests.faults.ledger import Ledger
from tests.server import Server, value

MOST_VALUES = 12
"""More would not fit into a datagram, where only UDP's rcode could be judged."""

LIFE = 40
"""Changes of one account before the client registers another."""

LIVE_SECONDS = 30.0
"""In how long two workers are live again; the pause before a replacement grows with the deaths of a minute."""

REFUSED_PAUSE_SECONDS = 0.3
"""A client that got 503 comes back after a while; the server asks for a second."""

PAUSE_SECONDS = 0.8
"""A pause that the server sits out: it kills after 2 s."""

HANG_SECONDS = 5.0
"""A pause that it does not; longer than it takes to kill, for a server that kills nobody."""

ACCEPTED = (200, 201)
PUT_OFF = (429, 503)


@dataclass
class Account:
    """What a client was told at the 201, and its ledger."""

    username: str
    password: str
    subdomain: str
    ledger: Ledger


@dataclass
class Population:
    """What all clients share: the server, the report, its window, names to ask for besides their own, and the pace."""

    server: Server
    report: Report
    window: float | None = None
    most_accounts: int = 1_000_000
    pace_seconds: float = 0.0
    fixed: list[Fixed] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    numbers: int = 0

    def fresh_value(self) -> str:
        """A value that was never used."""
        self.numbers += 1
        return value(self.numbers)


class Client:
    """One client at a time in the life of its accounts."""

    def __init__(self, population: Population, number: int) -> None:
        self._population = population
        self._report = population.report
        self._random = random.Random(number)  # noqa: S311 - repeatable, not secret
        self._host = places.host(number)
        self._api: Wire | None = None
        self._everywhere: Everywhere | None = None
        self._account: Account | None = None
        self._own: list[Account] = []

    async def open(self, pids: list[int]) -> None:
        """Learn how to reach the workers with these pids."""
        self._everywhere = await Everywhere.open(self._report, self._population.server.dns, self._host, pids)

    async def run(self, enough: asyncio.Event) -> None:
        """Register, change, ask, until it is enough."""
        while not enough.is_set():
            if self._account is None or self._random.randrange(LIFE) == 0:
                await self._register()
            if self._account is not None:
                await self._change(self._account)
                await self._look_around()
            await asyncio.sleep(self._population.pace_seconds)

    async def close(self) -> None:
        """Hang up everywhere."""
        if self._everywhere is not None:
            await self._everywhere.close()
        if self._api is not None:
            await self._api.close()

    async def _register(self) -> None:
        if len(self._population.accounts) >= self._population.most_accounts and self._own:
            self._account = self._random.choice(self._own)
            return
        reply = await self._request("POST", "/register", b"")
        if not await self._accepted(reply, "registered"):
            return
        told = reply.json
        ledger = Ledger(told["fulldomain"], self._population.window)
        self._account = Account(told["username"], told["password"], told["subdomain"], ledger)
        self._own.append(self._account)
        self._population.accounts.append(self._account)
        await self._ask_everywhere(ledger)

    async def _change(self, account: Account) -> None:
        ledger = account.ledger
        chance = self._random.random()
        values = sorted(ledger.must | ledger.may)
        assert self._everywhere is not None
        early = self._everywhere.send(Challenge(ledger))
        if len(values) >= MOST_VALUES or chance < 0.05:
            await self._take_away(account, set(values), "cleared", "POST", "")
        elif values and chance < 0.25:
            one = self._random.choice(values)
            await self._take_away(account, {one}, "removed", "DELETE", one)
        elif values and chance < 0.35:
            await self._add(account, self._random.choice(values), "repeated")
        else:
            await self._add(account, self._population.fresh_value(), "added")
        await asyncio.gather(*(line.settled(question) for line, question in early))

    async def _add(self, account: Account, txt: str, word: str) -> None:
        begun = time.monotonic()
        account.ledger.begin_add(txt, begun)
        reply = await self._update(account, "POST", txt)
        if await self._accepted(reply, word):
            account.ledger.added(txt, begun, time.monotonic())
            await self._ask_everywhere(account.ledger)
        else:
            account.ledger.add_failed(txt, time.monotonic())

    async def _take_away(self, account: Account, values: set[str], word: str, method: str, txt: str) -> None:
        account.ledger.begin_removal(values, time.monotonic())
        reply = await self._update(account, method, txt)
        if await self._accepted(reply, word):
            account.ledger.removed(values, time.monotonic())
            await self._ask_everywhere(account.ledger)

    async def _ask_everywhere(self, ledger: Ledger) -> None:
        assert self._everywhere is not None
        await self._everywhere.ask(Challenge(ledger))
        self._report.counts["checks at the instant of a 200 or 201"] += 1
        if self._random.random() < 0.25:
            for line in self._everywhere.tcp:
                line.renew()

    async def _look_around(self) -> None:
        """Ask one worker for a name of somebody else, and for one that nobody changes."""
        assert self._everywhere is not None
        subjects: list[Subject] = [Challenge(self._random.choice(self._population.accounts).ledger)]
        if self._population.fixed:
            subjects.append(self._random.choice(self._population.fixed))
        lines = [self._random.choice(self._everywhere.lines) for _ in subjects]
        await asyncio.gather(*(line.ask(subject) for line, subject in zip(lines, subjects, strict=True)))

    async def _update(self, account: Account, method: str, txt: str) -> Reply:
        body = json.dumps({"subdomain": account.subdomain, "txt": txt}).encode()
        login = {"X-Api-User": account.username, "X-Api-Key": account.password}
        return await self._request(method, "/update", body, login)

    async def _request(self, method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> Reply:
        if self._api is None:
            self._api = await Wire.open(self._population.server.api[1], source=self._host)
        await self._api.send(request(method, path, body, headers or {}))
        return await self._api.reply()

    async def _accepted(self, reply: Reply, word: str) -> bool:
        """Whether it was done; says so in the report, and waits a little where it was put off."""
        if reply.status in ACCEPTED:
            self._report.counts[word] += 1
            return True
        self._report.counts[f"{reply.status} instead of {word}"] += 1
        if reply.status in PUT_OFF:
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)
        else:
            self._report.finding(f"{reply.status} {reply.body!r} instead of {word}")
        return False


class Faults:
    """What is done to the server; each step waits for the workers it needs, and leaves one alone at least.

    A worker that stands still gets questions by `lines` before anything else, so that they are what it wakes to.
    """

    def __init__(self, server: Server, report: Report, lines: Everywhere | None = None) -> None:
        self._server = server
        self._report = report
        self._lines = lines
        self._turn = 0
        self.touched: set[int] = set()

    async def run(self, plan: Iterable[str], *, between_seconds: float = 0.0) -> None:
        """Do the steps of a plan: "kill", "pause" (shorter than the server's patience), "hang" (longer), "reload"."""
        for step in plan:
            await asyncio.sleep(between_seconds)
            self._report.counts[f"fault: {step}"] += 1
            if step == "reload":
                self._report.event("reload")
                self._server.signal(signal.SIGHUP)
                continue
            pid = await self._victim()
            self._report.event(f"{step} {pid}")
            if step == "kill":
                os.kill(pid, signal.SIGKILL)
            else:
                await self._pause(pid, PAUSE_SECONDS if step == "pause" else HANG_SECONDS)
            self._report.event(f"{step} {pid} is over")

    async def live(self) -> list[int]:
        """The pids of the live workers."""
        wire = await Wire.open(self._server.api[1])
        try:
            await wire.send(request("GET", "/health/ready"))
            workers: list[dict[str, Any]] = (await wire.reply()).json["workers"]
        finally:
            await wire.close()
        return [worker["pid"] for worker in workers if worker["state"] == "live" and not _gone(worker["pid"])]

    async def _victim(self) -> int:
        deadline = time.monotonic() + LIVE_SECONDS
        while len(live := await self.live()) < 2:
            assert time.monotonic() < deadline, f"no two workers are live:\n{self._server.log.read_text()[-4000:]}"
            await asyncio.sleep(0.05)
        self._turn += 1
        pid = live[self._turn % len(live)]
        self.touched.add(pid)
        return pid

    async def _pause(self, pid: int, seconds: float) -> None:
        with places.paused([pid]):
            if self._lines is not None:
                self._lines.send(Fixed(self._server.zone, "NS", "NOERROR", (frozenset({f"{self._server.zone}."}),)))
            with contextlib.suppress(AssertionError):
                await within(seconds, lambda: _gone(pid), "it is still there")


def _gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def check(
    server: Server,
    *,
    clients: int,
    plan: Iterable[str],
    fewest_answers: int = 0,
    fixed: Iterable[Fixed] = (),
    seconds: float = 180,
) -> Report:
    """Run the clients while a plan of faults is carried out, and on until so many answers were judged.

    The first finding ends it.
    """
    report = Report()
    report.watch_callbacks()
    population = Population(server, report, fixed=list(fixed))
    pids = await Faults(server, report).live()
    crowd = [Client(population, number) for number in range(clients)]
    enough = asyncio.Event()
    async with contextlib.AsyncExitStack() as opened:
        lines = await Everywhere.open(report, server.dns, places.host(clients), pids)
        opened.push_async_callback(lines.close)
        faults = Faults(server, report, lines)
        for client in crowd:
            opened.push_async_callback(client.close)
            await client.open(pids)
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for client in crowd:
                group.create_task(client.run(enough))
            found = group.create_task(report.found.wait())
            await within(60, lambda: len(population.accounts) >= clients, "not every client could register")
            steps = group.create_task(faults.run(plan))
            await asyncio.wait({steps, found}, return_when=asyncio.FIRST_COMPLETED)
            await within(
                seconds,
                lambda: (
                    report.found.is_set()
                    or report.counts["UDP answers"] + report.counts["TCP answers"] >= fewest_answers
                ),
                "too few answers",
            )
            enough.set()
            steps.cancel()
            found.cancel()
    return report
