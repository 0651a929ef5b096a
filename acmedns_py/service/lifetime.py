"""The life of `acmedns serve`, in named steps: bind, drop, open, load, feed, probe, ready; then run; then stop.

Whatever fails before "ready" ends the start with an `AcmednsError`, whose text is the one line that the operator
sees. Nothing is served before everything can be.
"""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

import structlog

from acmedns_py import log as logging_setup
from acmedns_py.accounts.activity import Live
from acmedns_py.accounts.canary import Canaries
from acmedns_py.accounts.hashing import HashPool
from acmedns_py.api.http_challenges import HttpChallenges
from acmedns_py.api.listen import ApiListener
from acmedns_py.api.local import LocalListener
from acmedns_py.api.traffic import Traffic
from acmedns_py.config.load import Loaded, load
from acmedns_py.config.problems import ConfigProblems
from acmedns_py.config.settings import Settings
from acmedns_py.dns import name
from acmedns_py.dns.table import ChallengeTable
from acmedns_py.errors import AcmednsError, ConfigError
from acmedns_py.eventloop import event_loop_factory
from acmedns_py.feed.changes import Commit, ZoneState
from acmedns_py.feed.image import ZoneImage
from acmedns_py.service import compose
from acmedns_py.service.checks import Checks
from acmedns_py.service.ignored import refuse_unknown
from acmedns_py.service.launch import Launcher, step_back
from acmedns_py.service.measured import Measured
from acmedns_py.service.notify import notify
from acmedns_py.service.privileges import drop_privileges, hide_memory, raise_descriptor_limit
from acmedns_py.service.probe import soa_probe
from acmedns_py.service.shadowed import warn_of_shadowed
from acmedns_py.service.sockets import DnsSocket, api_addresses, bind_dns, bind_http, dns_addresses
from acmedns_py.service.static import StaticRecords
from acmedns_py.service.workers import WorkerPool
from acmedns_py.store.store import SqlStore

TAKEN_OVER: Final = frozenset(
    {
        "check.accounts",
        "check.api_url",
        "check.ca",
        "check.ignore",
        "check.resolvers",
        "check.root_hints",
        "dns.cookie_secrets",
        "dns.log",
        "log.level",
        "zone.addresses",
        "zone.admin",
        "zone.nameservers",
        "zone.negative_ttl",
        "zone.records",
        "zone.ttl",
    }
)
"""Options that SIGHUP changes in a running service; certificate files are read again under the same options.

Those of the check need no SIGHUP: each run reads the configuration.
"""

STOP_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 2.0
PROBE_SECONDS: Final = 10.0
ROLL_SECONDS: Final = 86_400.0
"""Far longer than a cookie lives, and more often than the month after which RFC 9018 5 wants a new secret."""

log = structlog.get_logger(__name__)


def run(loaded: Loaded, *, path: Path | None, environ: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT; raises `AcmednsError`, or `ConfigProblems`, where the start fails.

    `path` is what the operator named with `-c`, so that SIGHUP reads the same file again.
    """
    settings = loaded.settings
    refuse_unknown(loaded)
    # By default a SIGHUP ends a process; one that comes before there is anything to reload is no reason to.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise_descriptor_limit()
    workers = compose.worker_count(settings.dns.workers)
    addresses = dns_addresses(settings.dns.listen, port=settings.dns.port, protocol=settings.dns.protocol)
    dns_sockets = bind_dns(addresses, protocol=settings.dns.protocol, workers=workers)
    http = HttpSockets(
        api=bind_http(api_addresses(settings.api.listen), called="API"),
        admin=bind_http(api_addresses(settings.admin.listen), called="API"),
        challenges=bind_http(api_addresses(compose.challenge_listen(settings)), called="certificate.http_listen"),
        metrics=bind_http(api_addresses(settings.metrics.listen), called="metrics"),
    )
    drop_privileges(settings.process.user, settings.process.group)
    hide_memory()
    compose.configure_log(settings)
    for warning in loaded.warnings:
        log.warning("configuration", text=warning)
    service = Service(loaded, dns_sockets=dns_sockets, workers=workers, path=path, reread=lambda: load(path, environ))
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        runner.run(service.live(http))


@dataclass(frozen=True, slots=True)
class HttpSockets:
    """What is bound for HTTP: the API's sockets, and those for operators, a CA and Prometheus, perhaps none."""

    api: list[socket.socket]
    admin: list[socket.socket]
    challenges: list[socket.socket]
    metrics: list[socket.socket]


class Service:
    """The control process from the bound sockets to the end."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        dns_sockets: list[DnsSocket],
        workers: int,
        path: Path | None,
        reread: Callable[[], Loaded],
    ) -> None:
        """Take what `run` has prepared; `reread` gives the configuration anew, whose file is `path` if it was named."""
        self._loaded = loaded
        self._dns_sockets = dns_sockets
        self._workers = workers
        self._reread = reread
        self._apex = name.from_text(loaded.settings.zone.name)
        # Threads that are there already keep their priority, those to come get ours.
        self._launcher = Launcher()
        step_back()
        self._secrets = loaded.settings.dns.secrets
        self._early: list[Commit] = []
        self._pool: WorkerPool | None = None
        self._local: LocalListener | None = None
        self._static: StaticRecords | None = None
        self._certifying: asyncio.Task[None] | None = None
        self._traces = compose.make_traces(loaded.settings)
        self._backups = compose.make_backups(loaded.settings)
        self._checks = Checks(every_seconds=loaded.settings.check.every_seconds, config=path)
        self._stop_asked = asyncio.Event()
        self._reload_asked = asyncio.Event()

    async def live(self, http: HttpSockets) -> None:
        """Start, run and stop; raises `AcmednsError` where the start fails. A stop may come at any time."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_asked.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_asked.set)
        stop = asyncio.create_task(self._stop_asked.wait())
        async with contextlib.AsyncExitStack() as undo:
            start = asyncio.create_task(self._start(undo, http))
            await asyncio.wait({start, stop}, return_when=asyncio.FIRST_COMPLETED)
            if start.done():
                store, pool, listeners = start.result()
                self._say_ready()
                beside = [asyncio.create_task(self._roll_secrets(pool)), asyncio.create_task(self._checks.run())]
                if self._backups is not None:
                    beside.append(asyncio.create_task(self._backups.run(), name="backups"))
                await self._run(stop, store, pool, listeners)
                for task in beside:
                    task.cancel()
                await self._stop(listeners, pool)
            else:
                start.cancel()
                await asyncio.wait({start})
        log.info("stopped")

    async def _start(
        self, undo: contextlib.AsyncExitStack, http: HttpSockets
    ) -> tuple[SqlStore, WorkerPool, list[ApiListener]]:
        """Open, load, feed, probe; what has been opened is noted in `undo`."""
        settings = self._loaded.settings
        store = await compose.open_store(settings, apex=self._apex, on_commit=self._committed, served=self._served)
        undo.push_async_callback(_close, store)
        self._local = compose.bind_local(settings)
        if self._local is not None:
            undo.push_async_callback(self._local.stop, CLOSE_SECONDS)
        static = self._static = StaticRecords(store, txt_ttl=settings.zone.txt_ttl)
        await static.replace(self._loaded.static)
        http_challenges = HttpChallenges()
        keeper = compose.make_keeper(settings, apex=self._apex, show=http_challenges.show)
        if keeper is not None:
            await asyncio.to_thread(keeper.prepare)
        pool = self._feed(ZoneImage(await store.load()))
        self._warn_of_shadowed(self._loaded, pool)
        hashes = HashPool()
        undo.callback(hashes.close)
        undo.push_async_callback(pool.stop, grace_seconds=0)
        await pool.start()
        await pool.probe(soa_probe(self._apex), seconds=PROBE_SECONDS)
        credentials = compose.make_credentials(store, hashes)
        canaries = Canaries(partial(static.canaries, publisher=pool), store.note, settings.zone.name)
        undo.push_async_callback(canaries.stop)
        routes = compose.admin_routes(
            settings,
            store=store,
            publisher=pool,
            hashes=hashes,
            forget=credentials.forget,
            keeper=keeper,
            canaries=canaries,
            checker=self._checks,
            traces=self._traces,
            live=Live(self._traces.activity, pool.counters),
        )
        tokens, traffic = compose.make_tokens(store), Traffic()
        if self._local is not None:
            await self._local.start(routes, traffic)
        ready = compose.make_readiness(settings, store, pool, keeper, self._backups)
        listeners = await compose.start_api(
            settings,
            http.api,
            http.admin,
            store=store,
            pool=pool,
            credentials=credentials,
            tokens=tokens,
            traffic=traffic,
            routes=routes,
            keeper=keeper,
            ready=ready,
            traces=self._traces,
        )
        if http.challenges:
            listeners.append(await compose.start_challenges(settings, http.challenges, http_challenges))
        if http.metrics:
            parts = Measured(
                started=time.time(),
                pool=pool,
                store=store,
                hashes=hashes,
                credentials=credentials,
                tokens=tokens,
                traffic=traffic,
                ready=ready,
                certificate=listeners[0].certificate,
                keeper=keeper,
                backups=self._backups,
                checks=self._checks,
            )
            listeners.append(await compose.start_metrics(http.metrics, parts))
        if keeper is not None:
            publish = partial(static.challenge, publisher=pool)
            exchanged = partial(_reload_certificates, listeners)
            self._certifying = asyncio.create_task(
                keeper.run(publish=publish, exchanged=exchanged, caa=static.caa, failed=self._checks.renewal_failed),
                name="certificate",
            )
        return store, pool, listeners

    def _committed(self, commit: Commit) -> None:
        """Publish a commit; those that come before there are workers wait for the image that they belong on."""
        if self._pool is None:
            self._early.append(commit)
        else:
            self._pool.publish(commit)

    def _served(self) -> ZoneState:
        """Give what all commits up to the last published one have led to; before there are workers, nothing."""
        return self._pool.image.state() if self._pool is not None else ZoneState(0, ChallengeTable(self._apex), {})

    def _feed(self, image: ZoneImage) -> WorkerPool:
        for commit in self._early:
            if commit.cursor > image.cursor:
                image.apply(commit)
        self._early.clear()
        self._pool = compose.make_pool(
            self._loaded.settings,
            apex=self._apex,
            sockets=self._dns_sockets,
            workers=self._workers,
            image=image,
            launcher=self._launcher,
            traces=self._traces,
        )
        self._pool.note_queries(self._loaded.settings.dns.log)
        return self._pool

    def _say_ready(self) -> None:
        settings = self._loaded.settings
        assert self._pool is not None
        log.info(
            "ready",
            zone=settings.zone.name,
            serial=self._pool.image.serial,
            dns=sorted({str(sock.address) for sock in self._dns_sockets}),
            api=settings.api.listen,
            admin=settings.admin.listen,
            http_challenges=compose.challenge_listen(settings),
            metrics=settings.metrics.listen,
            workers=self._workers,
        )
        notify("READY=1")

    async def _run(
        self, stop: "asyncio.Task[Literal[True]]", store: SqlStore, pool: WorkerPool, listeners: list[ApiListener]
    ) -> None:
        while not stop.done():
            reload = asyncio.create_task(self._reload_asked.wait())
            await asyncio.wait({stop, reload}, return_when=asyncio.FIRST_COMPLETED)
            if reload.done():
                self._reload_asked.clear()
                notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
                await self._reload(store, pool, listeners)
                notify("READY=1")
            reload.cancel()

    def _exchange_secrets(self, pool: WorkerPool, wanted: tuple[bytes, ...]) -> None:
        """Take over the operator's secrets of DNS cookies; a random one, on either side, is accepted beside them."""
        if wanted == self._secrets:
            return
        if wanted:
            pool.accept_secrets(wanted if self._secrets else (*wanted, *pool.cookie_secrets[:1]))
        else:
            pool.roll_secret()
        self._secrets = wanted

    async def _roll_secrets(self, pool: WorkerPool) -> None:
        """Exchange a random secret of DNS cookies from time to time; the operator's own are the operator's to roll."""
        while True:
            await asyncio.sleep(ROLL_SECONDS)
            if not self._secrets:
                pool.roll_secret()

    async def _reload(self, store: SqlStore, pool: WorkerPool, listeners: list[ApiListener]) -> None:
        """Take over static records, log level and certificate files; a file with problems changes nothing."""
        try:
            # Files may be slow to read, and 20,000 records to check.
            loaded = await asyncio.to_thread(self._reread)
        except ConfigProblems as problems:
            for problem in problems.problems:
                log.error("reload_refused", option=problem.option, problem=str(problem))
            return
        for warning in loaded.warnings:
            log.warning("configuration", text=warning)
        for option in self._needs_restart(loaded.settings):
            log.warning("reload_needs_restart", option=option)
        if loaded.settings.zone.name != self._loaded.settings.zone.name:
            return
        logging_setup.set_level(loaded.settings.log.level)
        _reload_certificates(listeners)
        assert self._static is not None, "started"
        try:
            written = await self._static.replace(loaded.static)
        except AcmednsError as error:
            log.error("reload_refused", option="zone.records", problem=str(error))
            return
        self._warn_of_shadowed(loaded, pool)
        self._exchange_secrets(pool, loaded.settings.dns.secrets)
        pool.note_queries(loaded.settings.dns.log)
        log.info("reloaded", serial=written.cursor & 0xFFFF_FFFF)

    def _warn_of_shadowed(self, loaded: Loaded, pool: WorkerPool) -> None:
        warn_of_shadowed((rrset.owner for rrset in loaded.static), pool.image.state().challenges, self._apex)

    def _needs_restart(self, wanted: Settings) -> list[str]:
        """Name the options that differ and that a running service does not take over."""
        differing = []
        before, after = self._loaded.settings.model_dump(), wanted.model_dump()
        for section, options in before.items():
            differing += [
                f"{section}.{option}"
                for option, value in options.items()
                if after[section][option] != value and f"{section}.{option}" not in TAKEN_OVER
            ]
        if "dns.listen" not in differing and not self._listens_on(wanted):
            differing.append("dns.listen")
        return differing

    def _listens_on(self, wanted: Settings) -> bool:
        """Whether the bound addresses are still those that the options mean: a host's own may have changed."""
        try:
            addresses = dns_addresses(wanted.dns.listen, port=wanted.dns.port, protocol=wanted.dns.protocol)
        except ConfigError:
            return False
        return set(addresses) == {sock.address for sock in self._dns_sockets}

    async def _stop(self, listeners: list[ApiListener], pool: WorkerPool) -> None:
        log.info("stopping")
        notify("STOPPING=1")
        until = time.monotonic() + STOP_SECONDS
        if self._certifying is not None:
            self._certifying.cancel()
            await asyncio.wait({self._certifying}, timeout=CLOSE_SECONDS)
        # The API first: a request in hand still needs the workers' word.
        stopping = [listener.stop(grace_seconds=STOP_SECONDS - 1) for listener in listeners]
        if self._local is not None:
            stopping.append(self._local.stop(grace_seconds=STOP_SECONDS - 1))
        await asyncio.gather(*stopping)
        await pool.stop(grace_seconds=max(1.0, until - time.monotonic()))


def _reload_certificates(listeners: Sequence[ApiListener]) -> None:
    for listener in listeners:
        listener.reload_certificate()


async def _close(store: SqlStore) -> None:
    with contextlib.suppress(TimeoutError):
        # Nobody waits for a write any more; a database that hangs must not hold the exit.
        async with asyncio.timeout(CLOSE_SECONDS):
            await store.close()
