"""The phases of a soak, each a part of its time: warm, storm, calm, attacks, rest; then the sums."""

import asyncio
import contextlib
import itertools
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import dns.message

from tests.ask import values
from tests.faults import places
from tests.faults.asking import Challenge, Everywhere, Fixed, Line, Question, Report, totals, within
from tests.faults.checker import Client, Faults, Population
from tests.faults.ledger import ALWAYS_LIVE, Ledger, Watch
from tests.server import Server
from tests.soak.attacks import ATTACKS, Attack
from tests.soak.limits import limited_network, make_limited_server
from tests.soak.load import broken_tcp, broken_udp, dnsperf, run_dnsperf
from tests.soak.measures import MIB, Measure, grown, measure

WINDOW_SECONDS = 6
WORKERS = 2
IDLE_SECONDS = 3
CONFIG = f"""
[challenges]
window_seconds = {WINDOW_SECONDS}
[log]
level = "warning"
"""
DNS_CONFIG = f"""
tcp_idle_seconds = {IDLE_SECONDS:.1f}
tcp_connections = 200
tcp_connections_per_client = 50
rate_limit = 0
"""
"""Limits of TCP that the attacks reach; the bulk of the load comes from one network, so that no rate is limited."""

CLIENTS = 6
PROBES, BROKEN_UDP, BROKEN_TCP = 201, 202, 203
"""Networks of those who are no clients."""

ACCOUNTS = 60
PACE_SECONDS = 0.02
UDP_RATE, TCP_RATE, BROKEN_RATE = 2_000, 500, 400

WARM, STORM, CALM, ATTACKED, LIMITED = 0.1, 0.35, 0.15, 0.35, 0.05
"""Parts of the whole time; the way back to rest comes on top."""

STEPS = ("kill", "pause", "reload", "hang", "pause", "kill", "reload")
BETWEEN_STEPS_SECONDS = 3.0

PATIENCE_SECONDS = 5.0
"""What a well-behaved client waits for its answer while others attack."""

GROWTH = {"control": 16 * MIB, "worker": 6 * MIB}
"""Bounds of growth from the calm to the end; buffers of the allocator come and go by some MiB."""

DESCRIPTORS = 5
REST_SECONDS = 60.0

END_SECONDS = 300.0
"""What all phases may take beyond the time asked for: starts, ways back, rest."""

MOST_FINDINGS = 10
"""Printed; one fault shows in many answers."""

BAD_NEWS = ("dns_internal_errors", "worker_feed_torn", "worker_supervision_failed", "request_failed", "Traceback")


def make_server(folder: Path) -> Server:
    """A server with the soak's limits."""
    server = Server(folder, database_url=f"sqlite:///{folder}/acmedns.db", workers=WORKERS, config=CONFIG)
    text = server.config.read_text()
    server.config.write_text(text.replace("[dns]\n", f"[dns]{DNS_CONFIG}"))
    return server


def fixed(zone: str) -> list[Fixed]:
    """Names that no client changes."""
    return [
        Fixed(f"www.{zone}", "A", "NOERROR", (frozenset({"192.0.2.1"}),)),
        Fixed(f"www.{zone}", "TXT", "NOERROR"),
        Fixed(f"any.wild.{zone}", "TXT", "NOERROR", (frozenset({'"wild"'}),)),
        Fixed(f"nobody.{zone}", "TXT", "NXDOMAIN"),
        Fixed(f"a.nobody.{zone}", "A", "NXDOMAIN"),
    ]


@dataclass
class Counted(Challenge):
    """A challenge name, and how many values each answer had."""

    seen: list[int] = field(default_factory=list)

    def wrong(self, token: Watch, response: dns.message.Message, now: float) -> str | None:
        """As any, and counted."""
        self.seen.append(len(values(response)))
        return super().wrong(token, response, now)


@dataclass
class Soak:
    """One run against one server."""

    server: Server
    seconds: float
    report: Report = field(default_factory=Report)
    measures: dict[str, list[Measure]] = field(default_factory=dict)

    async def run(self) -> None:
        """All phases; fails where they do not come to an end."""
        self.report.watch_callbacks()
        async with asyncio.timeout(self.seconds + END_SECONDS):
            await self._phases()

    async def _phases(self) -> None:
        server, report = self.server, self.report
        population = Population(
            server,
            report,
            window=WINDOW_SECONDS,
            most_accounts=ACCOUNTS,
            pace_seconds=PACE_SECONDS,
            fixed=fixed(server.zone),
        )
        stop = asyncio.Event()
        async with contextlib.AsyncExitStack() as opened:
            pids = await Faults(server, report).live()
            lines = await Everywhere.open(report, server.dns, places.host(PROBES), pids)
            opened.push_async_callback(lines.close)
            faults = Faults(server, report, lines)
            clients = [Client(population, number) for number in range(CLIENTS)]
            for client in clients:
                opened.push_async_callback(client.close)
                await client.open(pids)
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(client.run(stop))
                await within(60, lambda: len(population.accounts) >= CLIENTS, "not every client could register")
                for sender, host in ((broken_udp, places.host(BROKEN_UDP)), (broken_tcp, places.host(BROKEN_TCP))):
                    group.create_task(sender(report, server.dns, host, server.zone, rate=BROKEN_RATE, stop=stop))
                await self._loaded(population, WARM)
                await self._storm(population, faults)
                calm = await self._calm(population)
                for attack in ATTACKS:
                    await self._attacked(attack, lines, population, self.seconds * ATTACKED / len(ATTACKS))
                stop.set()
            await self._rest(lines, population)
            await limited_network(
                self.report, make_limited_server(self.server.folder / "limited"), self.seconds * LIMITED
            )
        self._compare(calm)
        self._read_log(faults)

    async def _loaded(self, population: Population, part: float) -> None:
        """Ordinary load for a part of the time."""
        server, report, seconds = self.server, self.report, self.seconds * part
        names = [f"www.{server.zone}", server.zone, *(account.ledger.name for account in population.accounts)]
        await asyncio.gather(
            *(
                run_dnsperf(
                    report, dnsperf(server.dns, server.folder, names, seconds=seconds, tcp=tcp, rate=rate), kind
                )
                for tcp, rate, kind in ((False, UDP_RATE, "UDP"), (True, TCP_RATE, "TCP"))
            )
        )

    async def _storm(self, population: Population, faults: Faults) -> None:
        """Load, and a worker killed, paused or both every few seconds; then until all are back."""
        storm = asyncio.create_task(faults.run(itertools.cycle(STEPS), between_seconds=BETWEEN_STEPS_SECONDS))
        try:
            await self._loaded(population, STORM)
        finally:
            storm.cancel()
            await asyncio.wait({storm})
        if not storm.cancelled() and (error := storm.exception()) is not None:
            raise error
        deadline = time.monotonic() + REST_SECONDS
        while len(await faults.live()) < WORKERS:
            assert time.monotonic() < deadline, "the workers are not back"
            await asyncio.sleep(0.1)
        self.report.event("the storm is over")

    async def _calm(self, population: Population) -> list[Measure]:
        """Load without faults: nobody dies of it, and what the processes hold behind it is what they may hold later."""
        await self._loaded(population, CALM)
        return self._measured("calm")

    async def _attacked(self, attack: Attack, lines: Everywhere, population: Population, seconds: float) -> None:
        """An attack, and well-behaved clients from elsewhere meanwhile: each question is answered when first asked."""
        self.report.event(f"attack: {attack.__name__}")
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(attack(self.report, self.server.dns, stop))
            deadline = time.monotonic() + seconds
            for number in itertools.count():
                subject = Challenge(population.accounts[number % len(population.accounts)].ledger)
                questions = [(line, line.send(subject)) for line in lines.lines]
                await asyncio.gather(*(self._answered(line, question, attack) for line, question in questions))
                for line in lines.tcp:
                    line.renew()
                if time.monotonic() > deadline:
                    break
            stop.set()

    async def _answered(self, line: Line, question: Question, attack: Attack) -> None:
        self.report.counts[f"{line.transport_name} probes during {attack.__name__}"] += 1
        await asyncio.wait({question.settled}, timeout=PATIENCE_SECONDS)
        if not question.settled.done():
            self.report.finding(f"no answer in {PATIENCE_SECONDS:g} s {line} during {attack.__name__}")
        elif not question.settled.result():
            self.report.finding(f"closed before the answer {line} during {attack.__name__}")

    async def _rest(self, lines: Everywhere, population: Population) -> None:
        """Nobody changes anything any more: each name comes down to its last two values, and is right all the time."""
        deadline = time.monotonic() + REST_SECONDS
        for account in population.accounts:
            while await self._most_values(lines, account.ledger) > ALWAYS_LIVE:
                assert time.monotonic() < deadline, f"{account.ledger.name} keeps more than its last two values"
                await asyncio.sleep(0.1)
        # Connections of the attacks end on the idle timer.
        await asyncio.sleep(IDLE_SECONDS + 2)

    async def _most_values(self, lines: Everywhere, ledger: Ledger) -> int:
        subject = Counted(ledger)
        await lines.ask(subject)
        return max(subject.seen)

    # The sums.

    def _measured(self, when: str) -> list[Measure]:
        assert self.server.process is not None
        measures = measure(self.server.process.pid, self.server.worker_pids())
        self.measures[when] = measures
        return measures

    def _compare(self, calm: list[Measure]) -> None:
        for before, after in zip(calm, self._measured("end"), strict=True):
            most = GROWTH["control" if before.name == "control" else "worker"]
            if wrong := grown(before, after, most_octets=most, most_descriptors=DESCRIPTORS):
                self.report.finding(wrong)

    def _read_log(self, faults: Faults) -> None:
        """A death that was not ours is a finding: under load a worker must go on talking to the control process."""
        for text in self.server.log.read_text().splitlines():
            if any(word in text for word in BAD_NEWS):
                self.report.finding(f"in the server's log: {text}")
            if "worker_died" in text:
                line = json.loads(text)
                self.report.counts["workers that died"] += 1
                if line["pid"] not in faults.touched:
                    self.report.finding(f"a worker died that nobody touched: {text}")

    def text(self) -> str:
        """All sums."""
        lines = [f"{self.seconds:g} s asked for, {time.monotonic() - self.report.began:.0f} s in all"]
        lines += totals(self.report.counts)
        for when, measures in self.measures.items():
            lines += [f"{when}:", *map(str, measures)]
        lines.append(f"findings: {len(self.report.findings)}")
        return "\n".join([*lines, *self.report.findings[:MOST_FINDINGS]])
