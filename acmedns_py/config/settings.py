"""Every option with its type, default and bounds: a class for each section; `config.example.toml` explains them."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StrictFloat,
    StrictInt,
)

from acmedns_py.config import values

Name = Annotated[str, AfterValidator(values.host_name)]
HostName = Annotated[Name, AfterValidator(values.no_wildcard)]
Address = Annotated[values.IPAddress, BeforeValidator(values.address)]
Resolver = Annotated[values.IPAddress, BeforeValidator(values.resolver)]
Network = Annotated[values.IPNetwork, BeforeValidator(values.network)]
File = Annotated[Path, AfterValidator(values.file_path)]
Protocol = Literal["both", "udp", "tcp", "both4", "both6", "udp4", "udp6", "tcp4", "tcp6"]

MOST_TTL = 2**31 - 1
"""RFC 2181 8."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Zone(_Section):
    """What is served: the zone's name (folded, no final dot), its servers and its static records; TTLs in seconds."""

    name: Annotated[str, AfterValidator(values.zone_name)]
    addresses: list[Address] = []
    nameservers: list[Name] = []
    admin: Annotated[str, AfterValidator(values.mailbox)] = ""
    records: list[str] = []
    ttl: Annotated[StrictInt, Field(ge=0, le=MOST_TTL)] = 3600
    txt_ttl: Annotated[StrictInt, Field(ge=1, le=60)] = 1
    # A resolver may keep "no such challenge" for this long, and a validation that comes meanwhile fails (RFC 2308 5).
    negative_ttl: Annotated[StrictInt, Field(ge=0, le=60)] = 30


class Dns(_Section):
    """Where and how DNS is served; limits of TCP hold for each worker, `rate_limit` (a second) for all together."""

    listen: Annotated[list[Annotated[str, AfterValidator(values.dns_listen)]], Field(min_length=1)] = ["auto"]
    port: Annotated[StrictInt, Field(ge=1, le=65535)] = 53
    protocol: Protocol = "both"
    workers: Annotated[StrictInt, Field(ge=0, le=64)] = 0
    tcp_idle_seconds: Annotated[StrictFloat, Field(gt=0, le=3600, allow_inf_nan=False)] = 10.0
    tcp_connections: Annotated[StrictInt, Field(ge=1)] = 1000
    tcp_connections_per_client: Annotated[StrictInt, Field(ge=1)] = 100
    rate_limit: Annotated[StrictInt, Field(ge=0, le=60_000)] = 500
    cookie_secrets: Annotated[
        list[Annotated[SecretStr, AfterValidator(values.cookie_secret)]], Field(max_length=3)
    ] = []
    identity: Annotated[str, AfterValidator(values.told)] = ""
    version: Annotated[str, AfterValidator(values.told)] = ""
    log: Annotated[str, AfterValidator(values.query_log)] = "off"

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The secrets of cookies in octets; none where random ones are wanted."""
        return tuple(bytes.fromhex(secret.get_secret_value()) for secret in self.cookie_secrets)


class Api(_Section):
    """Where and to whom the HTTP API is served."""

    listen: Annotated[list[Annotated[str, AfterValidator(values.api_listen)]], Field(min_length=1)] = ["127.0.0.1:8080"]
    tls: Literal["none", "cert", "acme"] = "none"
    tls_certificate: File | None = None
    tls_key: File | None = None
    hostnames: Annotated[list[HostName], AfterValidator(values.without_repeats)] = []
    registration: Literal["open", "token", "off"] = "open"
    use_header: StrictBool = False
    header_name: Annotated[str, AfterValidator(values.header)] = "X-Forwarded-For"
    trusted_proxies: list[Network] = []
    cors_origins: list[Annotated[str, AfterValidator(values.origin)]] = []
    hsts: StrictBool = False
    hsts_max_age: Annotated[StrictInt, Field(ge=0)] = 31_536_000
    hsts_include_subdomains: StrictBool = False
    hsts_preload: StrictBool = False


class Certificate(_Section):
    """How the API's own certificate is got from a CA, for `api.tls = "acme"`."""

    directory: Annotated[str, AfterValidator(values.directory_url)] = "https://acme-v02.api.letsencrypt.org/directory"
    ca_bundle: File | None = None
    contact: Annotated[str, AfterValidator(values.contact)] = ""
    eab_key_id: Annotated[str, AfterValidator(values.told)] = ""
    eab_hmac_key: Annotated[SecretStr, AfterValidator(values.hmac_key)] | None = None
    profile: Annotated[str, AfterValidator(values.told)] = ""
    key_type: Literal["p256", "p384", "rsa2048"] = "p256"
    until_first: Literal["self-signed", "loopback", "wait"] = "self-signed"
    http_listen: list[Annotated[str, AfterValidator(values.api_listen)]] = []
    state_dir: File | None = None


class Challenges(_Section):
    """How long a challenge's values live, how many there may be of one name, and from how many networks a CA asks."""

    window_seconds: Annotated[StrictInt, Field(ge=1, le=604_800)] = 3600
    max_values: Annotated[StrictInt, Field(ge=2, le=1000)] = 100
    # Public CAs ask from five since December 2026, of which one may miss (CA/Browser Forum, Baseline Requirements
    # 3.2.2.9).
    ca_networks: Annotated[StrictInt, Field(ge=1, le=16)] = 4


class Database(_Section):
    """Where accounts and values are kept; neither the password nor the URL is part of the repr."""

    url: Annotated[str, AfterValidator(values.database_url)] = Field(
        default="sqlite:////var/lib/acmedns/acmedns.db", repr=False
    )
    password: Annotated[SecretStr, AfterValidator(values.password)] | None = None

    @property
    def connection_url(self) -> str:
        """The URL with the password in it: for the store alone, never for a log."""
        if self.password is None or self.url.startswith("sqlite:"):
            return self.url
        return values.with_password(self.url, self.password.get_secret_value())

    @property
    def file(self) -> Path | None:
        """SQLite's file, as the store reads it from the URL; None where it is PostgreSQL."""
        scheme, _, path = self.url.partition(":///")
        return Path(unquote(path)).absolute() if scheme == "sqlite" else None


class Admin(_Section):
    """Where operators reach a running server.

    `socket` is for the command line; unset: beside SQLite's file, or below /run/acmedns. `listen` is for who shows a
    token; empty: where the API is.
    """

    socket: File | None = None
    listen: list[Annotated[str, AfterValidator(values.api_listen)]] = []


class Audit(_Section):
    """How long it is remembered who has changed what."""

    keep_days: Annotated[StrictInt, Field(ge=1, le=36_500)] = 365


class Backup(_Section):
    """How often the running server writes a backup, how many of these it keeps, and where."""

    every: Annotated[str, AfterValidator(values.duration)] = ""
    keep: Annotated[StrictInt, Field(ge=1, le=10_000)] = 7
    directory: File | None = None

    @property
    def every_seconds(self) -> int:
        """Seconds from one to the next; 0 for none."""
        return values.seconds(self.every)


class Check(_Section):
    """How often the running server checks, how a check finds its way, and whom it compares with what it finds."""

    every: Annotated[str, AfterValidator(values.duration_or_off)] = "6h"
    root_hints: File | None = None
    api_url: Annotated[str, AfterValidator(values.api_url)] = ""
    resolvers: Annotated[list[Resolver], Field(max_length=12)] = []
    ca: list[Annotated[str, AfterValidator(values.issuer)]] = []
    accounts: list[Annotated[str, AfterValidator(values.account_url)]] = []
    ignore: list[Annotated[str, AfterValidator(values.ignored_finding)]] = []

    @property
    def every_seconds(self) -> int:
        """Seconds from one check to the next; 0 for none."""
        return 0 if self.every == values.OFF else values.seconds(self.every)


class Metrics(_Section):
    """Where Prometheus reads; empty: nowhere."""

    listen: list[Annotated[str, AfterValidator(values.api_listen)]] = []


class Log(_Section):
    """What is logged, how and where to."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"
    destination: Literal["stdout", "file"] = "stdout"
    file: File | None = None


class Process(_Section):
    """Who the service becomes after binding its sockets; unset: it stays who it is."""

    user: str | None = None
    group: str | None = None


class Settings(_Section):
    """The whole configuration."""

    zone: Zone
    dns: Dns = Dns()
    api: Api = Api()
    certificate: Certificate = Certificate()
    challenges: Challenges = Challenges()
    database: Database = Database()
    admin: Admin = Admin()
    audit: Audit = Audit()
    backup: Backup = Backup()
    check: Check = Check()
    metrics: Metrics = Metrics()
    log: Log = Log()
    process: Process = Process()


SECTIONS: dict[str, type[BaseModel]] = {
    "zone": Zone,
    "dns": Dns,
    "api": Api,
    "certificate": Certificate,
    "challenges": Challenges,
    "database": Database,
    "admin": Admin,
    "audit": Audit,
    "backup": Backup,
    "check": Check,
    "metrics": Metrics,
    "log": Log,
    "process": Process,
}
KNOWN: dict[str, list[str]] = {section: list(model.model_fields) for section, model in SECTIONS.items()}
