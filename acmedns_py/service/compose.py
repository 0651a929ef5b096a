"""The wiring plan: which part is given which other part; reads top to bottom and holds no rule of its own."""

import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, Final

import structlog

from acmedns_py import log as logging_setup
from acmedns_py.accounts.activity import Live
from acmedns_py.accounts.administration import Administration
from acmedns_py.accounts.canary import Canaries
from acmedns_py.accounts.credentials import Credentials
from acmedns_py.accounts.hashing import HashPool
from acmedns_py.accounts.issued_tokens import IssuedTokens
from acmedns_py.accounts.own import OwnAccount
from acmedns_py.accounts.own_certificate import OwnCertificate
from acmedns_py.accounts.ports import Publisher
from acmedns_py.accounts.register import Registration
from acmedns_py.accounts.storage import Storage
from acmedns_py.accounts.tokens import Tokens
from acmedns_py.accounts.trace import Traces
from acmedns_py.accounts.update import Updates
from acmedns_py.api.admin import AdminRoutes
from acmedns_py.api.app import hsts_header, make_admin_app, make_app
from acmedns_py.api.certificate import CertificateFiles
from acmedns_py.api.check_routes import Checker
from acmedns_py.api.client import ForwardedBy
from acmedns_py.api.exposition import Exposition
from acmedns_py.api.health import Readiness, Remembered
from acmedns_py.api.http_challenges import HttpChallenges
from acmedns_py.api.listen import ApiListener, Closed
from acmedns_py.api.local import LocalListener
from acmedns_py.api.remote import RemoteAdmin
from acmedns_py.api.traffic import Traffic
from acmedns_py.config.hostnames import challenge_owner, host_names, proved_over_http
from acmedns_py.config.settings import Settings
from acmedns_py.dns import name
from acmedns_py.dns.cookie import SECRET_OCTETS
from acmedns_py.dns.policy import Policy
from acmedns_py.dns.table import ChallengeTable
from acmedns_py.errors import ListenError
from acmedns_py.feed.changes import Commit, ZoneState
from acmedns_py.feed.image import ZoneImage
from acmedns_py.service.backups import Backups, Plan
from acmedns_py.service.launch import Launcher
from acmedns_py.service.measured import Measured
from acmedns_py.service.places import certificate_folder, socket_path
from acmedns_py.service.privileges import worker_connections
from acmedns_py.service.sockets import DnsSocket
from acmedns_py.service.workers import Limits, WorkerPool
from acmedns_py.store.maintenance import require_tables
from acmedns_py.store.store import SqlStore

if TYPE_CHECKING:
    from acmedns_py.certificate.keeper import Keeper

FEWEST_WORKERS: Final = 2
"""One worker alone leaves its sockets unread while it is replaced."""

MOST_WORKERS: Final = 4

ADMIN_CONNECTIONS: Final = 32
"""HTTP connections to the addresses of `admin.listen`: a few tools of operators, out of the descriptors that the
API's own places leave free."""

CHALLENGE_CONNECTIONS: Final = 32
"""HTTP connections to the addresses of `certificate.http_listen`: a CA asks from some five places of the world, once
each; who comes and asks nothing gives way to it."""

METRICS_CONNECTIONS: Final = 16
"""HTTP connections to the addresses of `metrics.listen`; one reader needs one, and may hold four."""

log = structlog.get_logger(__name__)


def worker_count(configured: int) -> int:
    """Give the number of DNS workers: the configured one, or one a core within the bounds."""
    return configured or max(FEWEST_WORKERS, min(MOST_WORKERS, len(os.sched_getaffinity(0))))


def configure_log(settings: Settings) -> None:
    """Set logging up as the operator wrote it."""
    logging_setup.configure(
        level=settings.log.level,
        format=settings.log.format,
        destination=settings.log.destination,
        file=settings.log.file,
    )


async def open_store(
    settings: Settings,
    *,
    apex: bytes,
    on_commit: Callable[[Commit], None],
    served: Callable[[], ZoneState] | None = None,
) -> SqlStore:
    """Open and migrate the database; raises `StoreRefused` or `StoreUnavailable`."""
    return await SqlStore.open(
        settings.database.connection_url,
        apex=apex,
        window_seconds=settings.challenges.window_seconds,
        max_values=settings.challenges.max_values,
        on_commit=on_commit,
        served=served,
        audit_days=settings.audit.keep_days,
    )


@asynccontextmanager
async def offline_store(settings: Settings) -> AsyncIterator[SqlStore]:
    """Give the store to a command while no server runs on its database, which must be there already.

    Raises `StoreRefused`, naming the server where there is one, or `StoreUnavailable`.
    """
    await require_tables(settings.database.connection_url)
    apex = name.from_text(settings.zone.name)
    # Nobody serves what is committed: the next start loads it.
    store = await open_store(
        settings, apex=apex, on_commit=lambda _commit: None, served=lambda: ZoneState(0, ChallengeTable(apex), {})
    )
    try:
        yield store
    finally:
        await store.close()


def make_pool(
    settings: Settings,
    *,
    apex: bytes,
    sockets: list[DnsSocket],
    workers: int,
    image: ZoneImage,
    launcher: Launcher,
    traces: Traces,
) -> WorkerPool:
    """Make the workers' pool; it starts nothing yet."""
    connections = worker_connections(settings.dns.tcp_connections, len(sockets))
    if connections < settings.dns.tcp_connections:
        log.warning(
            "dns_tcp_connections_limited", wanted=settings.dns.tcp_connections, possible=connections, by="open files"
        )
    return WorkerPool(
        sockets=sockets,
        workers=workers,
        apex=apex,
        txt_ttl=settings.zone.txt_ttl,
        policy=Policy(
            cookie_secrets=settings.dns.secrets or (token_bytes(SECRET_OCTETS),),
            identity=settings.dns.identity.encode(),
            version=settings.dns.version.encode(),
            tcp_idle_seconds=settings.dns.tcp_idle_seconds,
            responses_per_second=settings.dns.rate_limit,
        ),
        limits=Limits(
            tcp_connections=connections,
            tcp_connections_per_client=settings.dns.tcp_connections_per_client,
        ),
        image=image,
        launcher=launcher,
        heard=traces.heard,
        noted=traces.activity.noted,
    )


def make_traces(settings: Settings) -> Traces:
    """Make the memory of who asked for which challenge name."""
    challenges = settings.challenges
    return Traces(time.time, window_seconds=challenges.window_seconds, ca_networks=challenges.ca_networks)


def make_credentials(store: SqlStore, hashes: HashPool) -> Credentials:
    """Make the one place that knows who has logged in."""
    return Credentials(store=store, pool=hashes, clock=time.monotonic)


def make_tokens(store: SqlStore) -> Tokens:
    """Make the one place that knows who has shown wrong tokens."""
    return Tokens(store=store, clock=time.monotonic)


def admin_routes(
    settings: Settings,
    *,
    store: SqlStore,
    publisher: Publisher,
    hashes: HashPool,
    forget: Callable[[str], None],
    keeper: "Keeper | None",
    canaries: Canaries | None,
    checker: Checker | None,
    traces: Traces | None,
    live: Live | None,
) -> AdminRoutes:
    """Make the operator's routes; `forget` is told whose logins are to be judged anew.

    `keeper`, `canaries`, `checker`, `traces` and `live` are None where no server runs, the first also where its
    certificate is not our own.
    """
    zone = settings.zone.name
    administration = Administration(
        directory=store, publisher=publisher, pool=hashes, forget=forget, zone=zone, traces=traces
    )
    issued = IssuedTokens(keeper=store, now=lambda: datetime.now(UTC))
    return AdminRoutes(administration, issued, OwnCertificate(keeper, store.note), canaries, checker, live, zone)


def bind_local(settings: Settings) -> LocalListener | None:
    """Make the local socket; raises `ListenError` where a path was configured that can't be used.

    Without one the server goes on: it served before there was such a socket.
    """
    listener = LocalListener(socket_path(settings))
    try:
        listener.bind()
    except ListenError as error:
        if settings.admin.socket is not None:
            raise
        log.warning("admin_socket_unavailable", problem=str(error))
        return None
    return listener


def challenge_listen(settings: Settings) -> list[str]:
    """Give where proofs are shown over HTTP; nowhere, where no host name needs it."""
    return settings.certificate.http_listen if proved_over_http(settings) else []


def make_keeper(settings: Settings, *, apex: bytes, show: Callable[[Mapping[str, str]], None]) -> "Keeper | None":
    """Make what gets the API's certificate from a CA, and shows proofs over HTTP by `show`; None: not asked for."""
    if settings.api.tls != "acme":
        return None
    # What an ACME client needs costs a quarter of a second and 20 MiB: nothing for who has another certificate.
    from acmedns_py.certificate.keeper import Keeper  # noqa: PLC0415
    from acmedns_py.certificate.options import Access, Wanted  # noqa: PLC0415
    from acmedns_py.certificate.state import State  # noqa: PLC0415

    options = settings.certificate
    names = host_names(settings)
    over_http = proved_over_http(settings)
    for host in over_http:
        log.info("certificate_needs_port_80", host=host, http_listen=options.http_listen)
    owners = {host: challenge_owner(host, apex) for host in names if host not in over_http}
    for host, owner in owners.items():
        if not name.is_subdomain(name.from_text(host), apex):
            log.info("certificate_needs_cname", owner=f"{name.CHALLENGE}.{host}.", target=name.to_text(owner))
    wanted = Wanted(
        names,
        options.key_type,
        options.profile,
        options.directory,
    )
    eab_hmac_key = options.eab_hmac_key.get_secret_value() if options.eab_hmac_key is not None else ""
    access = Access(options.ca_bundle, options.contact, options.eab_key_id, eab_hmac_key)
    return Keeper(wanted, access, owners=owners, state=State(certificate_folder(settings)), show=show)


def make_backups(settings: Settings) -> Backups | None:
    """Make what writes backups; None where none are wanted."""
    wanted = settings.backup
    if not wanted.every_seconds:
        return None
    assert wanted.directory is not None, "the configuration has seen to it"
    plan = Plan(wanted.every_seconds, wanted.keep, wanted.directory.absolute())
    return Backups(plan, url=settings.database.connection_url, zone=settings.zone.name)


async def start_api(
    settings: Settings,
    sockets: list[socket.socket],
    admin_sockets: list[socket.socket],
    *,
    store: SqlStore,
    pool: WorkerPool,
    credentials: Credentials,
    tokens: Tokens,
    traffic: Traffic,
    routes: AdminRoutes,
    keeper: "Keeper | None",
    ready: Readiness,
    traces: Traces,
) -> list[ApiListener]:
    """Start the API on its bound sockets; raises `ConfigError` where the certificate can't be used.

    The operator's routes are on those made for them, else on the same.
    """
    api = settings.api
    admin = RemoteAdmin(routes, tokens)
    forwarded_by = ForwardedBy(api.header_name, api.trusted_proxies) if api.use_header else None
    hsts = _hsts(settings)
    app = make_app(
        registration=Registration(
            credentials=credentials,
            tokens=tokens,
            store=store,
            publisher=pool,
            zone=settings.zone.name,
            token_required=api.registration == "token",
        )
        if api.registration != "off"
        else None,
        updates=Updates(credentials=credentials, store=store, publisher=pool, traces=traces),
        own=OwnAccount(credentials=credentials, directory=store),
        storage=Storage(tokens=tokens, credentials=credentials, store=store, zone=settings.zone.name),
        readiness=ready,
        zone=settings.zone.name,
        traffic=traffic,
        forwarded_by=forwarded_by,
        cors_origins=api.cors_origins,
        hsts=hsts,
        admin=None if admin_sockets else admin,
    )
    closed = partial(_closed, settings, keeper)
    if closed():
        log.warning("api_awaits_certificate", until_first=closed())
    listener = ApiListener(
        certificate=_certificate(settings, keeper), trusted_proxies=api.trusted_proxies, closed=closed
    )
    await listener.start(sockets, app)
    if not admin_sockets:
        return [listener]
    operators = ApiListener(
        certificate=_certificate(settings, keeper),
        most_connections=ADMIN_CONNECTIONS,
        trusted_proxies=api.trusted_proxies,
        closed=closed,
    )
    await operators.start(admin_sockets, make_admin_app(admin, traffic=traffic, forwarded_by=forwarded_by, hsts=hsts))
    return [listener, operators]


async def start_challenges(settings: Settings, sockets: list[socket.socket], challenges: HttpChallenges) -> ApiListener:
    """Start to show proofs over HTTP on bound sockets."""
    listener = ApiListener(most_connections=CHALLENGE_CONNECTIONS, trusted_proxies=settings.api.trusted_proxies)
    await listener.start(sockets, challenges)
    return listener


async def start_metrics(sockets: list[socket.socket], parts: Measured) -> ApiListener:
    """Let Prometheus read on its bound sockets."""
    # The library costs 45 ms and 2 MiB: nothing for who has no use for it.
    from acmedns_py.service.measuring import exposed  # noqa: PLC0415

    listener = ApiListener(most_connections=METRICS_CONNECTIONS)
    await listener.start(sockets, Exposition(partial(exposed, parts)))
    return listener


def _hsts(settings: Settings) -> str | None:
    api = settings.api
    if not api.hsts:
        return None
    return hsts_header(
        max_age=api.hsts_max_age, include_subdomains=api.hsts_include_subdomains, preload=api.hsts_preload
    )


def _closed(settings: Settings, keeper: "Keeper | None") -> Closed | None:
    until_first = settings.certificate.until_first
    if keeper is None or keeper.certified or until_first == "self-signed":
        return None
    return until_first


def _certificate(settings: Settings, keeper: "Keeper | None") -> CertificateFiles | None:
    api = settings.api
    if keeper is not None:
        return CertificateFiles(keeper.path, keeper.path)
    if api.tls == "none":
        return None
    assert api.tls_certificate is not None, "the configuration has seen to it"
    assert api.tls_key is not None, "the configuration has seen to it"
    return CertificateFiles(api.tls_certificate, api.tls_key)


def make_readiness(
    settings: Settings, store: SqlStore, pool: WorkerPool, keeper: "Keeper | None", backups: Backups | None
) -> Readiness:
    """Make what tells how this node stands, to all who ask."""
    return partial(readiness, settings, Remembered(store.ready), pool, keeper, backups)


async def readiness(
    settings: Settings,
    database_ready: Callable[[], Awaitable[bool]],
    pool: WorkerPool,
    keeper: "Keeper | None",
    backups: Backups | None,
) -> tuple[bool, dict[str, Any]]:
    """Give whether this node can do its work, and the document of /health/ready."""
    database = await database_ready()
    workers = pool.states()
    live = [worker for worker in workers if worker["state"] == "live"]
    ready = database and bool(live) and not pool.crash_looping
    document: dict[str, Any] = {
        "ready": ready,
        "zone": {"name": settings.zone.name, "serial": pool.image.serial},
        "database": {"reachable": database},
        "workers": workers,
        "workers_keep_dying": pool.crash_looping,
        # Told, and no reason to turn clients away.
        "backup": None if backups is None else backups.state(),
    }
    if keeper is not None:
        # Not part of `ready`: the CA asks this server, and who takes it out for want of a certificate gets none.
        until_first = None if keeper.certified else settings.certificate.until_first
        document["certificate"] = {**keeper.standing(), "until_first": until_first}
    return ready, document
