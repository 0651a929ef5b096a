"""The API as it runs: the real rules, the real store, a real socket; only DNS workers are left out."""

import itertools
import json
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from acmedns_py.accounts.activity import Live
from acmedns_py.accounts.administration import Administration
from acmedns_py.accounts.canary import Canaries
from acmedns_py.accounts.credentials import Credentials
from acmedns_py.accounts.hashing import HashPool
from acmedns_py.accounts.issued_tokens import IssuedTokens
from acmedns_py.accounts.own import OwnAccount
from acmedns_py.accounts.own_certificate import CertificateKeeper, OwnCertificate
from acmedns_py.accounts.ports import Publisher
from acmedns_py.accounts.register import Registration
from acmedns_py.accounts.storage import Storage
from acmedns_py.accounts.tokens import Tokens
from acmedns_py.accounts.trace import Traces
from acmedns_py.accounts.update import Updates
from acmedns_py.api.admin import AdminRoutes
from acmedns_py.api.app import make_app
from acmedns_py.api.certificate import CertificateFiles
from acmedns_py.api.client import ForwardedBy
from acmedns_py.api.listen import ApiListener
from acmedns_py.api.remote import RemoteAdmin
from acmedns_py.api.traffic import Traffic
from acmedns_py.dns import name
from acmedns_py.feed.changes import Commit
from acmedns_py.service.checks import Checks
from acmedns_py.service.static import StaticRecords
from acmedns_py.store.store import SqlStore
from tests.api.wire import Reply, Wire, request

ZONE = "auth.example.org"


class ServedAtOnce:
    """A publisher whose workers have applied each commit before anyone asks; remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def served(self, cursor: int) -> None:
        """Return at once."""
        self.asked.append(cursor)


@dataclass
class RunningApi:
    """A served API and what stands behind it."""

    port: int
    store: SqlStore
    credentials: Credentials
    publisher: Publisher
    listener: ApiListener
    commits: list[Commit]
    ready: tuple[bool, dict[str, Any]] = (True, {"ready": True})

    async def ask(self, octets: bytes, *, source: str = "127.0.0.1") -> Reply:
        """Send one request on a connection of its own and read the response."""
        wire = await Wire.open(self.port, source=source)
        try:
            await wire.send(octets)
            return await wire.reply(head=octets.startswith(b"HEAD"))
        finally:
            await wire.close()

    async def post(self, target: str, body: bytes | None = None, headers: Any = (), **options: Any) -> Reply:
        """POST a body."""
        return await self.ask(request("POST", target, body, headers), **options)

    async def register(self, **fields: Any) -> dict[str, Any]:
        """Make an account."""
        reply = await self.post("/register", json.dumps(fields).encode() if fields else None)
        assert reply.status == 201, reply
        account: dict[str, Any] = reply.json
        return account

    async def update(self, account: dict[str, Any], txt: object, *, method: str = "POST", **options: Any) -> Reply:
        """Update as lego does."""
        body = json.dumps({"subdomain": account["subdomain"], "txt": txt}).encode()
        return await self.ask(request(method, "/update", body, credential(account)), **options)

    async def live(self, account: dict[str, Any]) -> list[str]:
        """The live values of an account, oldest first."""
        state = await self.store.load()
        return [value.decode() for value in state.challenges[name.from_text(account["fulldomain"])]]


PATIENCE_SECONDS = 120.0
"""How long a password waits for its turn: the machine may be busy, and hashing has its lowest priority."""


def credential(account: dict[str, Any]) -> dict[str, str]:
    """The two headers."""
    return {"X-Api-User": account["username"], "X-Api-Key": account["password"]}


def value(number: int) -> str:
    """A TXT value of the form that ACME uses."""
    return f"{number:043d}"


def patient_clock() -> float:
    """A clock on which every login comes long after the one before: no test meets a limit by chance."""
    return float(next(_DAYS) * 86_400)


_DAYS = itertools.count()


@asynccontextmanager
async def running(
    url: str,
    *,
    publisher: Publisher | None = None,
    zone: str = ZONE,
    registration: str = "open",
    forwarded_by: ForwardedBy | None = None,
    cors_origins: Sequence[str] = (),
    hsts: str | None = None,
    certificate: CertificateFiles | None = None,
    clock: Any = patient_clock,
    pool: HashPool | None = None,
    most_connections: int | None = None,
    tenure_seconds: float = 0.0,
    keeper: CertificateKeeper | None = None,
) -> AsyncIterator[RunningApi]:
    """Serve the API on a free port of loopback for as long as the block lasts."""
    commits: list[Commit] = []
    store = await SqlStore.open(
        url, apex=name.from_text(zone), window_seconds=3600, max_values=100, on_commit=commits.append
    )
    pool = pool or HashPool(patience_seconds=PATIENCE_SECONDS)
    publisher = publisher or ServedAtOnce()
    credentials = Credentials(store=store, pool=pool, clock=clock)
    listener = ApiListener(certificate=certificate, most_connections=most_connections, tenure_seconds=tenure_seconds)
    bound = socket.create_server(("127.0.0.1", 0))
    api = RunningApi(bound.getsockname()[1], store, credentials, publisher, listener, commits)

    async def readiness() -> tuple[bool, dict[str, Any]]:
        return api.ready

    tokens = Tokens(store=store, clock=clock)
    traces = Traces(time.time, window_seconds=3600, ca_networks=4)
    administration = Administration(
        directory=store, publisher=publisher, pool=pool, forget=credentials.forget, zone=ZONE, traces=traces
    )
    live = Live(traces.activity, lambda: {"udp.NOERROR": 3, "tcp.NXDOMAIN": 1, "udp.REFUSED": 0, "silent": 2})
    issued = IssuedTokens(keeper=store, now=lambda: datetime.now(UTC))
    canaries = Canaries(partial(StaticRecords(store, txt_ttl=1).canaries, publisher=publisher), store.note, ZONE)
    checks = Checks(every_seconds=0, config=None)
    routes = AdminRoutes(administration, issued, OwnCertificate(keeper, store.note), canaries, checks, live, ZONE)
    app = make_app(
        registration=Registration(
            credentials=credentials,
            tokens=tokens,
            store=store,
            publisher=publisher,
            zone=zone,
            token_required=registration == "token",
        )
        if registration != "off"
        else None,
        updates=Updates(credentials=credentials, store=store, publisher=publisher, traces=traces),
        own=OwnAccount(credentials=credentials, directory=store),
        storage=Storage(tokens=tokens, credentials=credentials, store=store, zone=ZONE),
        readiness=readiness,
        zone=zone,
        traffic=Traffic(),
        forwarded_by=forwarded_by,
        cors_origins=cors_origins,
        hsts=hsts,
        admin=RemoteAdmin(routes, tokens),
    )
    try:
        await listener.start([bound], app)
        yield api
    finally:
        await listener.stop(5.0)
        await canaries.stop()
        pool.close()
        await store.close()
