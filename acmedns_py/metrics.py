"""Every metric in one table: its name, kind and help, its labels and what values they can have.

`service.measuring` fills it, docs/metrics.md shows it. Control process only: workers count with plain numbers and know
none of these names. A label's values are bounded: nothing that a stranger sends becomes one.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from acmedns_py.dns.codes import Rcode


class Kind(Enum):
    """What Prometheus calls the type of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Label:
    """A label: `pattern` fits each value as a whole, `said` tells people which there are."""

    name: str
    pattern: str
    said: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric by the name that queries use; a histogram's `_bucket`, `_count` and `_sum` are added to it."""

    name: str
    kind: Kind
    help: str
    labels: tuple[Label, ...] = ()


def _one_of(name: str, *values: str) -> Label:
    return Label(name, "|".join(values), ", ".join(values))


WORKER: Final = Label("worker", "[0-9]|[1-5][0-9]|6[0-3]", "the worker's place, from 0, at most 63")
TRANSPORT: Final = _one_of("transport", "udp", "tcp")
RCODE: Final = _one_of("rcode", *(rcode.name for rcode in Rcode))
STATE: Final = _one_of("state", "starting", "live", "dying", "dead")
ROUTE: Final = Label("route", r"none|/[A-Za-z0-9_.{}/]*", "the route's pattern, as the log has it; none for all else")
STATUS: Final = Label("status", "[1-5][0-9][0-9]", "HTTP's status code")
LIMITED: Final = _one_of(
    "limit", "login_source", "login_username", "token_source", "registration_network", "registration_token"
)
WORK: Final = _one_of("work", "login", "registration")
REASON: Final = _one_of("reason", "full", "slow")
OUTCOME: Final = _one_of("outcome", "written", "refused")
FINDING: Final = Label(
    "finding", "[a-z0-9-]{1,40}", "the id of a finding, as docs/findings.md lists them, or GROUP-skipped"
)
SEVERITY: Final = _one_of("severity", "fail", "warn", "note", "not_tested")
VERSION: Final = Label("version", "[0-9a-z.+]+", "the program's")
PYTHON: Final = Label("python", "[0-9a-z.+]+", "Python's version")

_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

TABLE: Final = (
    Metric("acmedns_build_info", _G, "Always 1; its labels say what runs", (VERSION, PYTHON)),
    Metric("acmedns_start_timestamp_seconds", _G, "When the server became ready, in Unix time"),
    Metric("acmedns_ready", _G, "1 while /health/ready answers 200"),
    Metric("acmedns_accounts", _G, "Accounts, disabled ones included: the challenge names that are served"),
    Metric("acmedns_zone_serial", _G, "SOA serial of the last published commit"),
    Metric("acmedns_dns_responses_total", _C, "Responses sent", (WORKER, TRANSPORT, RCODE)),
    Metric("acmedns_dns_silent_total", _C, "Messages that got no response, being no query", (WORKER,)),
    Metric("acmedns_dns_truncated_total", _C, "Responses with TC", (WORKER,)),
    Metric("acmedns_dns_rate_limited_total", _C, "Queries over dns.rate_limit, told to come again", (WORKER,)),
    Metric("acmedns_dns_unlogged_total", _C, "Queries that dns.log chose and that were too many to log", (WORKER,)),
    Metric("acmedns_dns_untraced_total", _C, "Questions for values that were too many for account trace", (WORKER,)),
    Metric("acmedns_dns_internal_errors_total", _C, "Queries that met a fault of this program", (WORKER,)),
    Metric(
        "acmedns_dns_latency_seconds",
        _H,
        "From the reading of a batch of queries to the sending of its answers; one batch in 16 is looked at",
        (WORKER, TRANSPORT),
    ),
    Metric("acmedns_dns_tcp_connections", _G, "Open DNS connections over TCP", (WORKER,)),
    Metric("acmedns_workers", _G, "DNS workers by state", (STATE,)),
    Metric("acmedns_worker_deaths_total", _C, "DNS workers that died or were killed, and were replaced", (WORKER,)),
    Metric("acmedns_worker_serial", _G, "SOA serial that the worker has confirmed", (WORKER,)),
    Metric("acmedns_worker_lag_seconds", _G, "For how long the worker owes its oldest confirmation", (WORKER,)),
    Metric("acmedns_feed_confirmation_seconds", _H, "From the sending of a commit to a worker to its confirmation"),
    Metric("acmedns_api_requests_total", _C, "HTTP requests answered", (ROUTE, STATUS)),
    Metric("acmedns_api_request_seconds", _H, "Time from a request's head to its answer", (ROUTE,)),
    Metric("acmedns_attempts_limited_total", _C, "Logins, tokens and registrations refused as too many", (LIMITED,)),
    Metric("acmedns_hash_threads", _G, "Threads for password hashing"),
    Metric("acmedns_hash_threads_busy", _G, "Of these, the busy ones"),
    Metric("acmedns_hash_waiting", _G, "Requests in line for password hashing, 64 at most", (WORK,)),
    Metric("acmedns_hash_refused_total", _C, "Requests sent away: the line was full, or moved too slowly", (REASON,)),
    Metric("acmedns_hash_seconds", _H, "Time of one password hash"),
    Metric("acmedns_database_reachable", _G, "1 while the database can be read and the last write got through"),
    Metric("acmedns_store_transaction_seconds", _H, "Time of the transactions of the writer that got through"),
    Metric("acmedns_store_failures_total", _C, "Transactions that failed: the database's or the disk's fault"),
    Metric("acmedns_store_requests_total", _C, "Requests in transactions that got through", (OUTCOME,)),
    Metric("acmedns_store_commits_total", _C, "Commits that changed what is served: each takes a serial"),
    Metric("acmedns_store_prunings_total", _C, "Times that old rows of change and audit log were dropped"),
    Metric("acmedns_store_waiting", _G, "Requests in line for the writer, 1024 at most"),
    Metric("acmedns_backup_last_timestamp_seconds", _G, "When the newest scheduled backup was made, in Unix time"),
    Metric("acmedns_backup_failed", _G, "1 while the last try for a scheduled backup has failed"),
    Metric(
        "acmedns_check_problems", _G, "What stands after the last check by the server, by kind", (FINDING, SEVERITY)
    ),
    Metric("acmedns_check_last_run_timestamp_seconds", _G, "When the last check was done, in Unix time"),
    Metric("acmedns_check_duration_seconds", _G, "How long it took"),
    Metric("acmedns_check_every_seconds", _G, "Time from one check to the next, 0 with check.every off"),
    Metric("acmedns_api_certificate_left_seconds", _G, "What is left of the life of the API's certificate"),
    Metric("acmedns_api_certificate_not_before_timestamp_seconds", _G, "When the API's certificate becomes valid"),
    Metric("acmedns_api_certificate_not_after_timestamp_seconds", _G, "When the API's certificate expires"),
    Metric("acmedns_api_certificate_renewal_timestamp_seconds", _G, "When the API's certificate is to be renewed"),
    Metric("acmedns_api_certificate_issued", _G, "1 with a CA's certificate, 0 with one that stands in for it"),
    Metric("acmedns_api_certificate_failures", _G, "Tries in a row for a certificate that came to nothing"),
)
"""Metrics of what is not there (TLS, scheduled backups, a check before the first) are not there either;
`api_certificate_issued` and `_failures` are for `api.tls = "acme"` alone."""

METRICS: Final = {metric.name: metric for metric in TABLE}
