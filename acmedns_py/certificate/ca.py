"""A CA by ACME (RFC 8555), on certbot's `acme`.

Each call is one step, blocks for as long as the CA takes, and raises `NotIssued` with the CA's words where it comes to
nothing.
"""

import base64
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final, cast

import requests
from acme import challenges, crypto_util, errors, messages
from acme.client import ClientNetwork, ClientV2
from cryptography import x509
from josepy.errors import Error as JoseError
from josepy.interfaces import JSONDeSerializable
from josepy.json_util import field
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from acmedns_py.certificate.options import Access, Wanted
from acmedns_py.certificate.pem import Certificate, read_key
from acmedns_py.certificate.state import Order
from acmedns_py.errors import ConfigError, NotIssued

REQUEST_SECONDS: Final = 30
FINALIZE_SECONDS: Final = 90
NONCE_TRIES: Final = 5

_ACCOUNT_GONE: Final = "to begin with a new account there, move the key of this one in certificate.state_dir away"

_CURES: Final = {
    "caa": "a CAA record of the name or of a zone above it forbids this CA; allow it there, or use another directory",
    "dns": "see that the zone is delegated to this server, and answers from outside (acmedns config check)",
    "dnssec": "a signed zone above has a wrong DS or signature; mend it there",
    "connection": "see that port 53 is reached from outside, over UDP and TCP",
    "externalAccountRequired": "set certificate.eab_key_id and certificate.eab_hmac_key as the CA gave them",
    "invalidContact": "correct certificate.contact",
    "unsupportedContact": "correct certificate.contact",
    "rejectedIdentifier": "name a host name in api.hostnames that this CA issues for",
    "rateLimited": "it is tried again when the CA allows",
    "accountDoesNotExist": _ACCOUNT_GONE,
}
"""What to do, by ACME's type of error (RFC 8555 6.7)."""

_PASSING: Final = ("badNonce", "rateLimited", "serverInternal")
_GONE: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_PENDING: Final = ("pending", "processing")


class _NewOrder(messages.NewOrder):
    """`acme` has no `replaces` yet (RFC 9773 5)."""

    replaces: str | None = field("replaces", omitempty=True)


class _Network(ClientNetwork):
    """`acme` tries once more after a refused nonce; a CA of many machines may refuse several (RFC 8555 6.5)."""

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        for _ in range(NONCE_TRIES - 1):
            try:
                return super().post(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return super().post(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class Proof:
    """What the CA wants to see before it believes that `host` is ours: a TXT `value`; `answer` tells it to look."""

    host: str
    url: str
    value: str
    answer: messages.ChallengeBody


class CertificateAuthority:
    """An account at one CA; `enter` before all else."""

    def __init__(self, directory: str, access: Access, account_key: bytes) -> None:
        """`account_key` is a P-256 key in PEM."""
        self._url = directory
        self._access = access
        # josepy wants the key itself, not its PEM.
        self._key = JWKEC(key=read_key(account_key))
        self._retry_after = 0.0
        self._net = _Network(
            self._key, alg=ES256, user_agent=f"acmedns-py/{version('acmedns-py')}", timeout=REQUEST_SECONDS
        )
        if access.ca_bundle is not None:
            # A path is what requests takes here, whatever acme's annotation says.
            self._net.verify_ssl = cast("bool", str(access.ca_bundle))
        # acme's errors don't carry the answer's headers.
        self._net.session.hooks["response"].append(self._noted)
        self._client: ClientV2 | None = None

    def enter(self) -> None:
        """Fetch the directory, find or make our account."""
        with self._explained():
            directory = ClientV2.get_directory(self._url, self._net)
            client = ClientV2(directory, self._net)
            if client.external_account_required() and not self._access.eab_key_id:
                raise NotIssued(f"{self._url} wants an account of its own: {_CURES['externalAccountRequired']}")
            binding = None
            if self._access.eab_key_id:
                binding = messages.ExternalAccountBinding.from_data(
                    self._key.public_key(), self._access.eab_key_id, self._access.eab_hmac_key, directory
                )
            new = messages.NewRegistration.from_data(
                email=self._access.contact or None, terms_of_service_agreed=True, external_account_binding=binding
            )
            try:
                client.new_account(new)
            except errors.ConflictError as found:
                # Not an error: the account is there already, and this is its URL.
                self._net.account = messages.RegistrationResource(body=messages.Registration(), uri=found.location)
            except messages.Error as error:
                # So a CA answers for an account that was closed (RFC 8555 7.3.6); elsewhere it means other things.
                if error.code == "unauthorized":
                    raise NotIssued(f"{_words(error)}; {_ACCOUNT_GONE}") from error
                raise
            self._client = client

    def identities(self) -> frozenset[str]:
        """The names, folded, by which CAA records mean this CA (RFC 8555 7.1.1); none where it does not tell."""
        with self._explained():
            return frozenset(text.lower() for text in self._entered().directory.meta.caa_identities or ())

    def suggested(self, certificate: Certificate) -> tuple[float | None, float]:
        """When the CA would have this certificate renewed (RFC 9773), and when to ask again, in seconds since 1970.

        Needs no `enter`.
        """
        with self._explained():
            directory = self._client.directory if self._client else ClientV2.get_directory(self._url, self._net)
            when, again = ClientV2(directory, self._net).renewal_time(certificate.pem)
        return when.timestamp() if when is not None else None, again.timestamp()

    def begin(self, wanted: Wanted, key: bytes, replaces: Certificate | None) -> Order:
        """Order a certificate for a key (PEM), to replace another one."""
        with self._explained():
            client = self._entered()
            order: dict[str, Any] = {
                "identifiers": [messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name) for name in wanted.names]
            }
            if wanted.profile:
                order["profile"] = wanted.profile
            replaced = _identifier(replaces) if replaces is not None and _has(client.directory, "renewalInfo") else None
            try:
                response = self._post(client.directory["newOrder"], _NewOrder(**order, replaces=replaced))
            except errors.ConflictError:
                # That one has been replaced already (RFC 9773 5).
                response = self._post(client.directory["newOrder"], _NewOrder(**order))
        return Order(response.headers["Location"], wanted, key.decode())

    def goes_on(self, order: Order) -> bool:
        """Whether an order can still come to a certificate."""
        try:
            return self._order(order).body.status.name != "invalid"
        except NotIssued as error:
            if _is_gone(error.__cause__):
                return False
            raise

    def proofs(self, order: Order) -> list[Proof]:
        """What the CA wants to see for this order, and has not yet."""
        with self._explained():
            wanted = []
            for url in self._order(order).body.authorizations:
                authorization = messages.Authorization.from_json(self._post(url, None).json())
                if authorization.status.name == "pending":
                    wanted.append(self._proof(url, authorization))
        return wanted

    def answer(self, proof: Proof) -> None:
        """Tell the CA to look."""
        with self._explained():
            self._entered().answer_challenge(proof.answer, proof.answer.response(self._key))

    def pending(self, proof: Proof) -> bool:
        """Whether the CA has not made up its mind yet; raises `NotIssued` where it does not believe us."""
        with self._explained():
            authorization = messages.Authorization.from_json(self._post(proof.url, None).json())
            if authorization.status.name in _PENDING:
                return True
            if authorization.status.name != "valid":
                failed = next((each.error for each in authorization.challenges if each.error is not None), None)
                words = _words(failed) if failed is not None else f"the authorization is {authorization.status.name}"
                raise NotIssued(f"{proof.host}: {words}", retry_after=self._retry_after)
            return False

    def finish(self, order: Order) -> bytes:
        """Let the CA issue, and give the certificate with its chain in PEM."""
        deadline = datetime.now() + timedelta(seconds=FINALIZE_SECONDS)  # noqa: DTZ005 - acme compares with such
        with self._explained():
            done = self._entered().poll_finalization(self._order(order), deadline)
            return done.fullchain_pem.encode()

    def revoke(self, certificate: Certificate, reason: int) -> None:
        """Revoke a certificate of this account's (RFC 8555 7.6), for a reason of RFC 5280 5.3.1."""
        with self._explained():
            try:
                self._entered().revoke(x509.load_pem_x509_certificates(certificate.pem)[0], reason)
            except messages.Error as error:
                if error.code != "alreadyRevoked":
                    raise

    def _entered(self) -> ClientV2:
        assert self._client is not None, "enter() comes first"
        return self._client

    def _post(self, url: str, content: JSONDeSerializable | None) -> requests.Response:
        return self._net.post(url, content, new_nonce_url=self._entered().directory["newNonce"])

    def _order(self, order: Order) -> messages.OrderResource:
        with self._explained():
            body = messages.Order.from_json(self._post(order.url, None).json())
            csr = crypto_util.make_csr(order.key.encode(), list(order.wanted.names))
            return messages.OrderResource(body=body, uri=order.url, csr_pem=csr)

    def _proof(self, url: str, authorization: messages.Authorization) -> Proof:
        host = authorization.identifier.value
        for each in authorization.challenges:
            if isinstance(each.chall, challenges.DNS01):
                return Proof(host, url, each.chall.validation(self._key), each)
        raise NotIssued(f"{host}: this CA offers no dns-01 for it; use another directory")

    def _noted(self, response: requests.Response, **_how: object) -> None:
        self._retry_after = 0.0 if response.ok else _seconds(response.headers.get("Retry-After", ""), response)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn whatever acme, requests and an odd CA raise into `NotIssued`."""
        try:
            yield
        except (NotIssued, ConfigError):
            raise
        except messages.Error as error:
            # A CA with a fault inside may have begun.
            refused = error.code != "serverInternal"
            raise NotIssued(_words(error), retry_after=self._retry_after, refused=refused) from error
        except errors.IssuanceError as error:
            raise NotIssued(_words(error.error), retry_after=self._retry_after) from error
        except errors.TimeoutError as error:
            raise NotIssued(f"{self._url} did not issue within {FINALIZE_SECONDS} s") from error
        except requests.exceptions.SSLError as error:
            cure = "name the CA's own certificates in certificate.ca_bundle, and see that this machine's clock is right"
            raise NotIssued(f"{self._url} can't be trusted: {_innermost(error)}; {cure}") from error
        except (requests.RequestException, OSError) as error:
            raise NotIssued(f"{self._url} can't be reached: {_innermost(error)}") from error
        except (errors.Error, JoseError, ValueError, KeyError, AttributeError, TypeError) as error:
            answered = f"HTTP {error.args[0].status_code}" if _is_answer(error) else ""
            reason = answered or f"{type(error).__name__}: {_innermost(error)}"
            raise NotIssued(f"{self._url} does not answer as a CA: {reason}", retry_after=self._retry_after) from error


def _has(directory: messages.Directory, resource: str) -> bool:
    # acme's Directory has no `in`.
    try:
        directory[resource]
    except KeyError:
        return False
    return True


def _words(error: messages.Error) -> str:
    """Give a CA's problem document in one line, with the cure where we know one."""
    parts = [error, *(error.subproblems or ())]
    said = "; ".join(dict.fromkeys(part.detail or part.title or str(part.typ) for part in parts))
    kind = str(error.typ).rpartition(":")[2]
    cure = next((_CURES[code] for part in parts if (code := str(part.typ).rpartition(":")[2]) in _CURES), "")
    return _one_line(f'the CA says "{said}" ({kind})' + (f"; {cure}" if cure else ""))


def _innermost(error: BaseException) -> str:
    """Give the text of the error that began it: requests wraps urllib3's, which wrap the system's."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return _one_line(str(error) or type(error).__name__)


def _one_line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _is_gone(error: BaseException | None) -> bool:
    """Whether a CA says that it has no such thing, or not for us; what may be otherwise a minute later is not that."""
    if isinstance(error, messages.Error):
        return error.code not in _PASSING
    return error is not None and _is_answer(error) and error.args[0].status_code in _GONE


def _is_answer(error: BaseException) -> bool:
    return bool(error.args) and isinstance(error.args[0], requests.Response)


def _seconds(retry_after: str, response: requests.Response) -> float:
    """Read Retry-After (RFC 9110 10.2.3) in seconds, a time by the CA's own clock; 0 where it says nothing."""
    with contextlib.suppress(ValueError):
        if retry_after.isdecimal():
            return float(retry_after)
        then = parsedate_to_datetime(retry_after)
        return max(0.0, (then - parsedate_to_datetime(response.headers.get("Date", ""))).total_seconds())
    return 0.0


def _identifier(certificate: Certificate) -> str | None:
    """Give the certificate's name for its CA (RFC 9773 4.1); None where it says not who has issued it."""
    leaf = x509.load_pem_x509_certificates(certificate.pem)[0]
    try:
        issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None
    if issuer is None:
        return None
    serial = leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1, "big")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (issuer, serial))
