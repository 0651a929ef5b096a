"""What metrics are taken of: the running parts, side by side; `measuring` looks at them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from acmedns_py.accounts.credentials import Credentials
from acmedns_py.accounts.hashing import HashPool
from acmedns_py.accounts.tokens import Tokens
from acmedns_py.api.certificate import CertificateFiles
from acmedns_py.api.health import Readiness
from acmedns_py.api.traffic import Traffic
from acmedns_py.service.backups import Backups
from acmedns_py.service.checks import Checks
from acmedns_py.service.workers import WorkerPool
from acmedns_py.store.store import SqlStore

if TYPE_CHECKING:
    from acmedns_py.certificate.keeper import Keeper


@dataclass(frozen=True, slots=True)
class Measured:
    """`certificate` is what the API speaks TLS with; it, `keeper` and `backups` may lack. `started` is in Unix time."""

    started: float
    pool: WorkerPool
    store: SqlStore
    hashes: HashPool
    credentials: Credentials
    tokens: Tokens
    traffic: Traffic
    ready: Readiness
    certificate: CertificateFiles | None
    keeper: "Keeper | None"
    backups: Backups | None
    checks: Checks
