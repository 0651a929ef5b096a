"""From an exception to what the client sees: the only place where failures become a status and a body.

| exception | status | word |
|---|---|---|
| RegistrationRefused | 401 | none, but a text |
| ScopeLacking | 403 | scope_lacking |
| TokenNotAccepted | 401 | token_needed |
| Refused | 401 | forbidden |
| BadInput | 400 | its own (acme-dns's) |
| BadHttp | 400 | bad_request |
| NotFound, MethodNotAllowed | 404, 405 | not_found, method_not_allowed |
| BodyTooSlow, BodyTooLarge | 408, 413 | request_timeout, payload_too_large |
| TooManyAttempts | 429 | too_many_requests |
| HeaderTooLarge | 431 | header_too_large |
| StoreUnavailable or LabelTaken, NotServed, Overloaded | 503 | db_error, not_served, overloaded |
| AdminFailed | its own | its own |
| anything else | 500 | internal_error |

429 and 503 carry Retry-After. The reason of a failure goes to the log and nowhere else.
"""

from collections.abc import Mapping

from aiohttp import hdrs
from aiohttp.http_exceptions import LineTooLong

from acmedns_py.api.answers import OPERATOR_CHALLENGE, Answer, error_answer, json_answer, registration_refused
from acmedns_py.api.asked import Told
from acmedns_py.errors import (
    AcmednsError,
    BadInput,
    LabelTaken,
    NotServed,
    Overloaded,
    Refused,
    RegistrationRefused,
    ScopeLacking,
    StoreUnavailable,
    TokenNotAccepted,
    TooManyAttempts,
)

RETRY_AFTER_SECONDS = 5
"""When a database or a worker may be back; clients give up after 30 s, so one more try fits."""


class BadHttp(AcmednsError):
    """The client sent something that is no well-formed HTTP, or left in the middle of it."""


class AdminFailed(AcmednsError):
    """One of the operator's routes could not do what was asked; `told` is its answer."""

    def __init__(self, told: Told) -> None:
        """The text is the word for programs: the detail may repeat what was sent."""
        super().__init__(told.document["error"])
        self.told = told


class HeaderTooLarge(AcmednsError):
    """A request line or a header field over the limit."""


class NotFound(AcmednsError):
    """There is nothing at this path."""


class MethodNotAllowed(AcmednsError):
    """The path exists, the method doesn't; `allow` is the value of the Allow header."""

    def __init__(self, allow: str) -> None:
        """`allow` names the methods, separated by commas."""
        super().__init__(allow)
        self.allow = allow


class BodyTooLarge(AcmednsError):
    """More octets than any request of this API needs."""


class BodyTooSlow(AcmednsError):
    """The body did not arrive in time."""


def problem(error: BaseException) -> Answer:
    """The answer to a request that ended in this exception."""
    match error:
        case RegistrationRefused():
            return registration_refused()
        case ScopeLacking(scope=scope):
            return _explained(
                403, "scope_lacking", f"the token is good, but has not the scope {scope}, which this takes"
            )
        case TokenNotAccepted():
            detail = "a token is needed, as Bearer or as the password of Basic, and this is none that is good here"
            return _explained(401, "token_needed", detail, {hdrs.WWW_AUTHENTICATE: OPERATOR_CHALLENGE})
        case AdminFailed(told=told):
            return json_answer(told.status, told.document, told.headers)
        case Refused():
            return error_answer(401, "forbidden")
        case BadInput(word=word):
            return error_answer(400, word)
        case BadHttp():
            return error_answer(400, "bad_request")
        case NotFound():
            return error_answer(404, "not_found")
        case MethodNotAllowed(allow=allow):
            return error_answer(405, "method_not_allowed", {hdrs.ALLOW: allow})
        case BodyTooSlow():
            return _last(error_answer(408, "request_timeout"))
        case BodyTooLarge():
            return _last(error_answer(413, "payload_too_large"))
        case HeaderTooLarge():
            return error_answer(431, "header_too_large")
        case TooManyAttempts(retry_after=seconds):
            return _later(429, "too_many_requests", seconds)
        case Overloaded(retry_after=seconds):
            return _later(503, "overloaded", seconds)
        # A label here is random: another try has another.
        case StoreUnavailable() | LabelTaken():
            return _later(503, "db_error", RETRY_AFTER_SECONDS)
        case NotServed():
            return _later(503, "not_served", RETRY_AFTER_SECONDS)
        case _:
            return error_answer(500, "internal_error")


def reason(error: BaseException) -> str:
    """What the log says of a failure; never holds what the client sent."""
    if isinstance(error, Refused):
        return error.reason
    return str(error) or type(error).__name__


def foreseen(error: BaseException) -> bool:
    """Whether a failure is one of ours; any other is a fault of this program and is logged with its traceback."""
    return isinstance(error, AcmednsError)


def unreadable(error: BaseException | None) -> AcmednsError:
    """Turn aiohttp's complaint about a request into ours; its text may quote the request, so it is dropped."""
    return HeaderTooLarge() if isinstance(error, LineTooLong) else BadHttp()


def _explained(status: int, word: str, detail: str, headers: Mapping[str, str] | None = None) -> Answer:
    return json_answer(status, {"error": word, "detail": detail}, headers)


def _later(status: int, word: str, seconds: int) -> Answer:
    return error_answer(status, word, {hdrs.RETRY_AFTER: str(seconds)})


def _last(answer: Answer) -> Answer:
    """The rest of such a request isn't worth reading, so the connection ends with the answer."""
    answer.force_close()
    return answer
