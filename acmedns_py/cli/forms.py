"""The documents of the operator's routes as commands read them: what each has at the least."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, TypeVar, cast

import msgspec

from acmedns_py.check.report import ReportDocument
from acmedns_py.errors import Unusable

T = TypeVar("T")

if TYPE_CHECKING:
    Time = str
else:
    # It has to be one, and stays the text that it came as.
    Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Value(TypedDict):
    """A value that is answered, or only how old it is."""

    age_seconds: int


class Txt(Value):
    """A value with its text."""

    txt: str


class Holder(TypedDict):
    """A token whose storage holds an account's password, and for which domain."""

    domain: str
    token: str


class Named(TypedDict):
    """An account's name in DNS."""

    fulldomain: str


class Account(Named):
    """An account in a list."""

    id: int
    username: str
    subdomain: str
    label: str
    allowfrom: list[str]
    disabled: bool
    created: Time
    last_update: Time | None
    last_update_from: str | None
    txt_rule: str
    made_by: str | None


class WholeAccount(Account):
    """An account by itself."""

    values: list[Txt]
    former_password_until: Time | None
    stored_for: list[Holder]


class ValueSet(WholeAccount):
    """An account of which a value was set."""

    remarks: list[str]


class Credential(Named):
    """What a client is given."""

    username: str
    password: str
    subdomain: str
    allowfrom: list[str]


class NewCredential(Credential):
    """That of a new account."""

    served: bool


class NewPassword(Credential):
    """That of an account with a new password."""

    stored_for: list[Holder]


class NewToken(TypedDict):
    """The text of a new token."""

    token: str


class Token(TypedDict):
    """What is known of a token."""

    name: str
    state: str
    scopes: list[str]
    accounts: int
    uses_left: int | None
    expires: Time | None
    sources: list[str]
    labels: str | None
    txt_rule: str
    last_used: Time | None


class AuditEntry(TypedDict):
    """An entry of the audit log."""

    at: Time
    actor: str
    source: str
    action: str
    subject: str
    result: str
    details: dict[str, Any]


class Begun(TypedDict):
    """Whether what was asked for began, and why not."""

    begun: bool
    detail: str


class CertificateState(TypedDict):
    """How the API's own certificate stands."""

    at_work: bool
    problem: str | None
    revoked: bool
    serial: str | None
    names: list[str]


class LastCheck(TypedDict):
    """The check that the server has made by itself."""

    running: bool
    unconfirmed: int
    failure: str | None
    begun: Time | None
    seconds: float | None
    report: ReportDocument | None


class Asker(TypedDict):
    """A network that asked for an account's name."""

    network: str
    questions: int
    first: Time
    last: Time
    own: bool
    valued: bool


class Round(TypedDict):
    """An update, and who asked behind it."""

    updated: Time | None
    updated_from: str | None
    questions: int
    first: Time | None
    last: Time | None
    more_networks: bool
    networks: list[Asker]


class Trace(Named):
    """The last updates of an account."""

    label: str
    last_update: Time | None
    last_update_from: str | None
    values: list[Value]
    known_since: Time
    complete: bool
    detail: str
    rounds: list[Round]


class Counts(TypedDict):
    """How often something was counted."""

    lately: int
    questions: int
    at_least: bool


class BusyAccount(Named, Counts):
    """An account that is asked for."""


class BusyName(Counts):
    """A name that is asked for."""

    name: str


class BusyNetwork(Counts):
    """A network that asks."""

    network: str


class Answered(TypedDict):
    """Answers by transport and rcode."""

    transport: str
    rcode: str
    answers: int


class Updated(Named):
    """One of the last updates."""

    updated: Time
    updated_from: str | None


class Top(TypedDict):
    """What goes on at a moment."""

    since: Time
    at: Time
    lately_seconds: float
    names: list[BusyAccount]
    networks: list[BusyNetwork]
    failed_names: list[BusyName]
    failed_networks: list[BusyNetwork]
    missed: int
    missed_lately: int
    answers: list[Answered]
    updates: list[Updated]


def read(document: object, form: type[T]) -> T:
    """Give a document of the routes as it came, once it has the form; raises `Unusable` for one of another."""
    try:
        msgspec.convert(document, form)
    except msgspec.ValidationError as error:
        raise Unusable(
            f"the server answers in another form ({error}): it is of another version than this command; restart it"
        ) from None
    return cast("T", document)
