"""A CA by ACME (RFC 8555), on certbot's `acme`.

Each call is one step, blocks for as long as the CA takes, and raises `NotIssued` with the CA's words where it comes to
nothing.
"""

import base64
import contextlib
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final, cast

import requests
import structlog
from acme import challenges, crypto_util, errors, messages
from acme.client import ClientNetwork, ClientV2
from cryptography import x509
from josepy.errors import Error as JoseError
from josepy.interfaces import JSONDeSerializable
from josepy.json_util import field
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from acmedns_py.certificate import diagnosis
from acmedns_py.certificate.diagnosis import ACCOUNT_GONE, ACCOUNT_WANTED, Refusal
from acmedns_py.certificate.options import Access, Wanted
from acmedns_py.certificate.pem import Certificate, read_key
from acmedns_py.certificate.rule import LONGEST_WISH
from acmedns_py.certificate.state import Order
from acmedns_py.errors import ConfigError, NotIssued
from acmedns_py.http_date import read_http_date

REQUEST_SECONDS: Final = 30

SHORTEST_WISH: Final = 1.0
"""In seconds, between two looks at what has become of an order, whatever the CA says."""

ANSWER_OCTETS: Final = 1_048_576
"""Of a CA's document; a chain of certificates has some ten thousand."""

FINALIZE_SECONDS: Final = 90
NONCE_TRIES: Final = 5

_ODD: Final = (ValueError, KeyError, AttributeError, TypeError, OverflowError, RecursionError)
"""What documents of another form, numbers without measure and arrays without end come to."""

_PASSING: Final = ("badNonce", "rateLimited", "serverInternal")
_GONE: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_PENDING: Final = ("pending", "processing")

# OpenSSL's numbers for a certificate that is not valid by our clock.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10

log = structlog.get_logger(__name__)


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


class _Client(ClientV2):
    """`acme` takes a date for local time, sleeps not at all for one that is over, and fails for endless seconds."""

    @classmethod
    def retry_after(cls, response: requests.Response, default: int) -> datetime:
        """Give when to ask again, in local time; never at once."""
        wish = _seconds(response.headers.get("Retry-After", ""), response) or float(default)
        return datetime.now() + timedelta(seconds=min(max(wish, SHORTEST_WISH), LONGEST_WISH))  # noqa: DTZ005 - acme's


class _Bounded:
    """The body of an answer, of which no more is read than any has."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def stream(self, amount: int, *, decode_content: bool) -> Iterator[bytes]:
        """Give the body in pieces, as `requests` asks for it."""
        octets = 0
        for piece in self._raw.stream(amount, decode_content=decode_content):
            octets += len(piece)
            if octets > ANSWER_OCTETS:
                raise requests.RequestException(f"its answer is longer than {ANSWER_OCTETS} octets")
            yield piece

    def __getattr__(self, name: str) -> Any:
        """Be the body as it came in all else."""
        return getattr(self._raw, name)


@dataclass(frozen=True, slots=True)
class Proof:
    """What the CA wants to see before it believes that `host` is ours: `value` at `place`; `answer` tells it to look.

    A place is the owner name (wire form) of a TXT record, or a path of HTTP.
    """

    host: str
    url: str
    place: bytes | str
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
        self._ahead = 0.0
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
        """Fetch the directory, find or make our account, compare clocks."""
        with self._explained():
            directory = ClientV2.get_directory(self._url, self._net)
            client = _Client(directory, self._net)
            if client.external_account_required() and not self._access.eab_key_id:
                raise NotIssued(f"{self._url} wants an account of its own: {ACCOUNT_WANTED}")
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
                    reason = f"the account at this CA was closed; {ACCOUNT_GONE}; {_refusal(error)}"
                    raise NotIssued(reason) from error
                raise
            self._client = client
        if (problem := diagnosis.clock_off(self._ahead)) is not None:
            log.warning("certificate_clock_off", problem=problem, directory=self._url)

    def identities(self) -> frozenset[str]:
        """The names, folded, by which CAA records mean this CA (RFC 8555 7.1.1); none where it does not tell."""
        with self._explained():
            return frozenset(text.lower() for text in self._entered().directory.meta.caa_identities or ())

    def suggested(self, certificate: Certificate) -> tuple[float | None, float]:
        """When the CA would have this certificate renewed (RFC 9773), and when to ask again, in seconds since 1970.

        Needs no `enter`.
        """
        if _identifier(certificate) is None:
            raise NotIssued("the certificate does not say by which key it was issued, and so has no name at its CA")
        with self._explained():
            directory = self._client.directory if self._client else ClientV2.get_directory(self._url, self._net)
            when, again = _Client(directory, self._net).renewal_time(certificate.pem)
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
            except (errors.ConflictError, messages.Error) as error:
                # That one has been replaced already (RFC 9773 5), is another account's, or of an issuer that the CA has
                # forgotten. It is a hint, without which the order is as good.
                if replaced is None or (isinstance(error, messages.Error) and error.code in _PASSING):
                    raise
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

    def proofs(self, order: Order, owners: Mapping[str, bytes]) -> list[Proof]:
        """What the CA wants to see for this order, and has not yet.

        By DNS for the hosts that have an owner name in `owners`, over HTTP for the others.
        """
        with self._explained():
            wanted = []
            for url in self._order(order).body.authorizations:
                authorization = messages.Authorization.from_json(self._post(url, None).json())
                if authorization.status.name == "pending":
                    wanted.append(self._proof(url, authorization, owners.get(authorization.identifier.value)))
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
                if failed is None:
                    raise NotIssued(f"{proof.host}: the authorization is {authorization.status.name}")
                words = diagnosis.unproved(_refusal(failed), proof.host, proof.place)
                raise NotIssued(self._told(words), retry_after=self._retry_after)
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

    def _proof(self, url: str, authorization: messages.Authorization, owner: bytes | None) -> Proof:
        host = authorization.identifier.value
        for each in authorization.challenges:
            if owner is not None and isinstance(each.chall, challenges.DNS01):
                return Proof(host, url, owner, each.chall.validation(self._key), each)
            if owner is None and isinstance(each.chall, challenges.HTTP01):
                return Proof(host, url, each.chall.path, each.chall.validation(self._key), each)
        method = challenges.HTTP01.typ if owner is None else challenges.DNS01.typ
        raise NotIssued(f"{host}: this CA offers no {method} for it; use another directory")

    def _noted(self, response: requests.Response, **_how: object) -> None:
        # Called before anything of the body is read.
        response.raw = _Bounded(response.raw)
        self._retry_after = 0.0 if response.ok else _seconds(response.headers.get("Retry-After", ""), response)
        date = read_http_date(response.headers.get("Date", ""))
        if date is not None:
            self._ahead = time.time() - date

    def _told(self, words: str) -> str:
        """Put a clock that is off before what has failed: it may be the cause, and is no part of the CA's words."""
        problem = diagnosis.clock_off(self._ahead)
        return words if problem is None else f"{problem}; {words}"

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn whatever acme, requests and an odd CA raise into `NotIssued`."""
        try:
            yield
        except (NotIssued, ConfigError):
            raise
        except messages.Error as error:
            words = diagnosis.explained(_refusal(error))
            # A CA with a fault inside may have begun.
            refused = error.code != "serverInternal"
            raise NotIssued(self._told(words), retry_after=self._retry_after, refused=refused) from error
        except errors.IssuanceError as error:
            words = diagnosis.explained(_refusal(error.error))
            raise NotIssued(self._told(words), retry_after=self._retry_after) from error
        except errors.TimeoutError as error:
            raise NotIssued(f"{self._url} did not issue within {FINALIZE_SECONDS} s") from error
        except requests.exceptions.SSLError as error:
            raise NotIssued(f"{_distrust(error)}; {self._url} can't be trusted: {_innermost(error)}") from error
        except (requests.RequestException, OSError) as error:
            raise NotIssued(f"{self._url} can't be reached: {_innermost(error)}") from error
        except (errors.Error, JoseError, *_ODD) as error:
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


def _refusal(error: messages.Error) -> Refusal:
    """Read a CA's problem document."""
    parts = [error, *(error.subproblems or ())]
    said = "; ".join(dict.fromkeys(part.detail or part.title or str(part.typ) for part in parts))
    return Refusal(tuple(str(part.typ).rpartition(":")[2] for part in parts), _one_line(said))


def _distrust(error: BaseException) -> str:
    """Say what to do about a CA whose own certificate was not accepted; a clock that is off is told from the rest."""
    code = next((each.verify_code for each in _chain(error) if isinstance(each, ssl.SSLCertVerificationError)), 0)
    now = datetime.now(UTC).isoformat(timespec="minutes")
    if code == _NOT_YET_VALID:
        return f"this machine's clock says {now}, when the CA's own certificate is not valid yet; set the clock"
    if code == _EXPIRED:
        return (
            f"this machine's clock says {now}, when the CA's own certificate, or one of certificate.ca_bundle, is not "
            "valid any more; set the clock, or renew that"
        )
    return "name the CA's own certificates in certificate.ca_bundle"


def _innermost(error: BaseException) -> str:
    """Give the text of the error that began it: requests wraps urllib3's, which wrap the system's."""
    *_, first = _chain(error)
    return _one_line(str(first) or type(first).__name__)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


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
    """Read Retry-After (RFC 9110 10.2.3) in seconds, a time by the CA's clock if it tells; 0 where it says nothing."""
    if retry_after.isdecimal():
        return float(retry_after)
    then = read_http_date(retry_after)
    if then is None:
        return 0.0
    date = read_http_date(response.headers.get("Date", ""))
    return max(0.0, then - (time.time() if date is None else date))


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
