"""Fills the table of metrics from the running parts, at each scrape, and writes it as Prometheus reads it.

Nothing is kept here and nothing is registered with the library: each part counts with plain numbers of its own, and a
scrape looks at all of them in one turn of the loop.
"""

import platform
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.metadata import version
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from acmedns_py.accounts.hashing import SECONDS_BOUNDS as HASH_BOUNDS
from acmedns_py.accounts.hashing import HashingLoad
from acmedns_py.api.traffic import SECONDS_BOUNDS as API_BOUNDS
from acmedns_py.certificate.rule import renewal_time
from acmedns_py.dns.codes import Rcode
from acmedns_py.feed.latency import BOUNDS_SECONDS
from acmedns_py.histogram import Seen
from acmedns_py.lifetime import Life
from acmedns_py.metrics import METRICS, Kind
from acmedns_py.service.backups import Backups
from acmedns_py.service.checks import Checks
from acmedns_py.service.link import State
from acmedns_py.service.measured import Measured
from acmedns_py.service.tally import PlaceTally
from acmedns_py.service.workers import WorkerPool
from acmedns_py.store.writer import TRANSACTION_BOUNDS, WriterLoad

if TYPE_CHECKING:
    from acmedns_py.certificate.keeper import Keeper

_TRANSPORTS: Final = ("udp", "tcp")
_OF_A_WORKER: Final = {
    "acmedns_dns_silent_total": "silent",
    "acmedns_dns_truncated_total": "truncated",
    "acmedns_dns_rate_limited_total": "rate_limited",
    "acmedns_dns_unlogged_total": "unlogged",
    "acmedns_dns_untraced_total": "untraced",
    "acmedns_dns_internal_errors_total": "internal_errors",
}

Values = Iterable[tuple[tuple[str, ...], float]]
"""Each the label values, in the order of the table, and the number."""


async def exposed(parts: Measured, accept: str) -> tuple[bytes, str]:
    """Give all metrics in a form that `accept`, the header's value, takes, and its media type."""
    ready, document = await parts.ready()
    families = [
        _family("acmedns_build_info", [((version("acmedns-py"), platform.python_version()), 1)]),
        _single("acmedns_start_timestamp_seconds", parts.started),
        _single("acmedns_ready", ready),
        _single("acmedns_database_reachable", document["database"]["reachable"]),
        *_of_zone(parts.pool),
        *_of_workers(parts.pool.tallies()),
        *_of_api(parts),
        *_of_hashing(parts.hashes.load()),
        *_of_store(parts.store.load_of_writer()),
        *_of_checks(parts.checks),
    ]
    if parts.backups is not None:
        families += _of_backups(parts.backups)
    if parts.certificate is not None and (life := parts.certificate.life()) is not None:
        families += _of_certificate(Life(*life), parts.keeper)
    encoder, media_type = choose_encoder(accept)
    return encoder(_Families(families)), media_type


class _Families(Collector):
    """What was measured, as the library's encoders take it."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def _of_zone(pool: WorkerPool) -> Iterator[Family]:
    yield _single("acmedns_accounts", len(pool.image.state().challenges))
    yield _single("acmedns_zone_serial", pool.image.serial)
    confirmed = pool.confirmations
    yield _spread("acmedns_feed_confirmation_seconds", confirmed.bounds, [((), confirmed.seen())])


def _of_workers(tallies: list[PlaceTally]) -> Iterator[Family]:
    """Only counters that are known are told: a worker that was broken into may name any."""
    each = [((str(tally.worker),), tally) for tally in tallies]
    yield _family(
        "acmedns_dns_responses_total",
        [
            ((*worker, transport, rcode.name), tally.report.counters.get(f"{transport}.{rcode.name}", 0))
            for worker, tally in each
            for transport in _TRANSPORTS
            for rcode in Rcode
        ],
    )
    for metric, counter in _OF_A_WORKER.items():
        yield _family(metric, [(worker, tally.report.counters.get(counter, 0)) for worker, tally in each])
    yield _spread(
        "acmedns_dns_latency_seconds",
        BOUNDS_SECONDS,
        [
            ((*worker, transport), seen)
            for worker, tally in each
            for transport, seen in (("udp", tally.report.udp_latency), ("tcp", tally.report.tcp_latency))
        ],
    )
    yield _family("acmedns_dns_tcp_connections", [(worker, tally.report.connections) for worker, tally in each])
    states = [tally.state for tally in tallies]
    yield _family("acmedns_workers", [((state.value,), states.count(state.value)) for state in State])
    yield _family("acmedns_worker_deaths_total", [(worker, tally.deaths) for worker, tally in each])
    yield _family("acmedns_worker_serial", [(worker, tally.serial) for worker, tally in each])
    yield _family("acmedns_worker_lag_seconds", [(worker, tally.lag_seconds) for worker, tally in each])


def _of_api(parts: Measured) -> Iterator[Family]:
    traffic = parts.traffic
    answers = [((route, str(status)), count) for (route, status), count in traffic.answers.items()]
    yield _family("acmedns_api_requests_total", answers)
    durations = [((route,), histogram.seen()) for route, histogram in traffic.durations.items()]
    yield _spread("acmedns_api_request_seconds", API_BOUNDS, durations)
    refused = {**parts.credentials.refused(), **parts.tokens.refused()}
    yield _family("acmedns_attempts_limited_total", [((limit,), count) for limit, count in refused.items()])


def _of_hashing(load: HashingLoad) -> Iterator[Family]:
    yield _single("acmedns_hash_threads", load.threads)
    yield _single("acmedns_hash_threads_busy", load.busy)
    yield _family("acmedns_hash_waiting", [((work,), count) for work, count in load.waiting.items()])
    yield _family("acmedns_hash_refused_total", [(("full",), load.refused_full), (("slow",), load.refused_slow)])
    yield _spread("acmedns_hash_seconds", HASH_BOUNDS, [((), load.hashes)])


def _of_store(load: WriterLoad) -> Iterator[Family]:
    yield _spread("acmedns_store_transaction_seconds", TRANSACTION_BOUNDS, [((), load.transactions)])
    yield _single("acmedns_store_failures_total", load.failures)
    yield _family("acmedns_store_requests_total", [(("written",), load.written), (("refused",), load.refused)])
    yield _single("acmedns_store_commits_total", load.commits)
    yield _single("acmedns_store_prunings_total", load.prunings)
    yield _single("acmedns_store_waiting", load.waiting)


def _of_backups(backups: Backups) -> Iterator[Family]:
    state = backups.state()
    if state["last"] is not None:
        yield _single("acmedns_backup_last_timestamp_seconds", datetime.fromisoformat(state["last"]).timestamp())
    yield _single("acmedns_backup_failed", state["failed"])


def _of_checks(checks: Checks) -> Iterator[Family]:
    yield _single("acmedns_check_every_seconds", checks.every_seconds)
    if checks.last is not None:
        yield _family("acmedns_check_problems", checks.last.problems.items())
        yield _single("acmedns_check_last_run_timestamp_seconds", checks.last.begun + checks.last.seconds)
        yield _single("acmedns_check_duration_seconds", checks.last.seconds)


def _of_certificate(life: Life, keeper: "Keeper | None") -> Iterator[Family]:
    prefix = "acmedns_api_certificate_"
    yield _single(f"{prefix}left_seconds", life.not_after - time.time())
    yield _single(f"{prefix}not_before_timestamp_seconds", life.not_before)
    yield _single(f"{prefix}not_after_timestamp_seconds", life.not_after)
    renewal = renewal_time(life, jitter=0.0) if keeper is None else keeper.renewal
    yield _single(f"{prefix}renewal_timestamp_seconds", renewal)
    if keeper is not None:
        yield _single(f"{prefix}issued", keeper.certified)
        yield _single(f"{prefix}failures", keeper.standing()["failures"])


def _single(metric: str, value: float) -> Family:
    return _family(metric, [((), value)])


def _family(metric: str, values: Values) -> Family:
    """Give a counter or gauge of the table with these values."""
    entry = METRICS[metric]
    labels = [label.name for label in entry.labels]
    make = CounterMetricFamily if entry.kind is Kind.COUNTER else GaugeMetricFamily
    family = make(entry.name, entry.help, labels=labels)
    for texts, value in values:
        family.add_metric(texts, value)
    return family


def _spread(metric: str, bounds: tuple[float, ...], values: Iterable[tuple[tuple[str, ...], Seen]]) -> Family:
    """Give a histogram of the table: Prometheus counts in each bucket what is in those before it too."""
    entry = METRICS[metric]
    family = HistogramMetricFamily(entry.name, entry.help, labels=[label.name for label in entry.labels])
    ends = [*map(floatToGoString, bounds), "+Inf"]
    for texts, seen in values:
        family.add_metric(texts, list(zip(ends, accumulate(seen.counts), strict=True)), seen.seconds)
    return family
