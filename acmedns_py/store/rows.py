"""Rows of our tables as lines of a backup: what is carried and what is not, octets to rows and back.

A row is a JSON object of its columns by name, with its table's name as `type`. Octets are base64, times are as they
are stored. All of it follows from `schema`: a column that is added there is carried, and one that a line lacks takes
its default, so that older backups are read.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, False_, Integer, LargeBinary, Table, True_

from acmedns_py.accounts.allow_from import network
from acmedns_py.accounts.hashing import argon2_too_costly
from acmedns_py.accounts.labels import RESERVED
from acmedns_py.accounts.times import ticks_of
from acmedns_py.accounts.tokens import SCOPES
from acmedns_py.accounts.txt_rule import LONGEST_OCTETS, MOST_RECORD_OCTETS, TxtRule, record_octets
from acmedns_py.store import schema
from acmedns_py.store.accounts import possible_username

NOT_CARRIED: Final = {
    "zone": "the header has its name and its cursor; the right to write is the new holder's",
    "static": "made from the configuration at each start",
    "change": "leads from one cursor to the next; a restored zone goes on at a higher one",
    "compatibility": "made with the tables",
}
"""Tables whose rows no backup has, and why."""

CARRIED: Final = tuple(table for table in schema.metadata.sorted_tables if table.name not in NOT_CARRIED)
"""All other tables, each behind those that it refers to."""

BY_NAME: Final = {str(table.name): table for table in CARRIED}

TAG: Final = "type"

_SIGNED = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What both engines can store."""


def _python_type(column: Column[Any]) -> Any:
    if isinstance(column.type, Boolean):
        found: Any = bool
    elif isinstance(column.type, (BigInteger, Integer)):
        found = _SIGNED
    else:
        found = bytes if isinstance(column.type, LargeBinary) else str
    return found | None if column.nullable else found


def _default(column: Column[Any]) -> Any:
    """What a row without the column has; `NODEFAULT` where it must have it."""
    given = column.server_default
    if given is None:
        return None if column.nullable else msgspec.NODEFAULT
    value = getattr(given, "arg", None)
    if isinstance(value, (True_, False_)):
        return isinstance(value, True_)
    assert isinstance(value, str), f"the default of {column} is neither a truth nor a text"
    return int(value) if isinstance(column.type, (BigInteger, Integer)) else value


def _row_type(table: Table) -> type[msgspec.Struct]:
    fields = [(str(column.name), _python_type(column), _default(column)) for column in table.columns]
    # Numbers, texts and octets refer to nothing: the garbage collector need not look at millions of rows.
    return msgspec.defstruct(
        f"Row of {table.name}",
        fields,
        kw_only=True,
        tag_field=TAG,
        tag=str(table.name),
        forbid_unknown_fields=True,
        gc=False,
    )


ROW_TYPES: Final[dict[str, Any]] = {str(table.name): _row_type(table) for table in CARRIED}

_VALUE: Final = ROW_TYPES[schema.txt.name]
ENTRY: Final = ROW_TYPES[schema.audit.name]

_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}")
"""What labels can be, those of acme-dns among them."""

_TXT_RULES: Final = frozenset(TxtRule)

_EARLIEST: Final = ticks_of(datetime.min.replace(tzinfo=UTC))
_LATEST: Final = ticks_of(datetime.max.replace(tzinfo=UTC))
"""What can be told as a time."""

MOST_NUMBERED: Final = 2**62
"""The highest id and cursor: both engines count on from there, and have room."""

_encoder = msgspec.json.Encoder()
_texts = msgspec.json.Decoder(list[str])
_object = msgspec.json.Decoder(dict[str, Any])


def table_of(row: msgspec.Struct) -> str:
    """The name of a row's table."""
    return str(row.__struct_config__.tag)


def cells(row: msgspec.Struct) -> tuple[Any, ...]:
    """A row's columns in the order of its table."""
    return msgspec.structs.astuple(row)


def is_time(ticks: int) -> bool:
    """Whether so many microseconds since 1970 can be told as a time, of the years 1 to 9999."""
    return _EARLIEST <= ticks <= _LATEST


def fault(row: Any) -> str | None:
    """Say what is wrong with a row that has the right types, None where nothing is: what a server could not load."""
    times, numbered, labelled, ruled, more = _RULES[type(row)]
    for column in times:
        time = getattr(row, column)
        if time is not None and not _EARLIEST <= time <= _LATEST:
            return f"{column} is no time of the years 1 to 9999"
    if numbered and not 0 < row.id <= MOST_NUMBERED:
        return f"the id {row.id} can't be one"
    if labelled and _LABEL.fullmatch(row.label) is None:
        return f"the label {row.label!r} is none in lower case"
    if ruled and row.txt_rule not in _TXT_RULES:
        return f"txt_rule {row.txt_rule!r} is none of {', '.join(TxtRule)}"
    return None if more is None else more(row)


def _fault_of_account(row: Any) -> str | None:
    if not possible_username(row.username):
        return f"the username {row.username!r} can't be one"
    if row.label in RESERVED:
        return f"the label {row.label!r} is one that the server has a use for itself"
    return None if _is_json(row.allow_from, _texts) else "allow_from is no JSON list of texts"


def _fault_of_token(row: Any) -> str | None:
    if not _is_json(row.sources, _texts):
        return "sources is no JSON list of texts"
    for source in _texts.decode(row.sources):
        try:
            network(source)
        except ValueError:
            return f"the source {source!r} is no network"
    for scope in row.scopes.split():
        if scope not in SCOPES:
            return f"the scope {scope!r} is not known"
    return "uses_left is below 0" if row.uses_left is not None and row.uses_left < 0 else None


def _fault_of_credential(row: Any) -> str | None:
    # One of bcrypt's that is too high may have come from acme-dns, and stays what it was there: refused at each login.
    return "the verifier asks for more than an Argon2 hash may cost" if argon2_too_costly(row.verifier) else None


def _fault_of_value(row: Any) -> str | None:
    if not 0 <= row.cursor <= MOST_NUMBERED:
        return f"the cursor {row.cursor} can't be one"
    if not 0 < len(row.value) <= LONGEST_OCTETS:
        return f"a value of {len(row.value)} octets can't be served; it may have 1 to {LONGEST_OCTETS}"
    return None


def _fault_of_entry(row: Any) -> str | None:
    return None if _is_json(row.details, _object) else "details is no JSON object"


class _Rule(NamedTuple):
    """What is looked at in rows of a table: columns with a time; whether there are id, label, rule; what else."""

    times: tuple[str, ...]
    numbered: bool
    labelled: bool
    ruled: bool
    more: Callable[[Any], str | None] | None


def _rule(table: Table) -> _Rule:
    more: dict[Table, Callable[[Any], str | None]] = {
        schema.account: _fault_of_account,
        schema.credential: _fault_of_credential,
        schema.token: _fault_of_token,
        schema.audit: _fault_of_entry,
        schema.txt: _fault_of_value,
    }
    names = [str(column.name) for column in table.columns]
    return _Rule(
        times=tuple(name for name in names if name in {"at", "expires"} or name.endswith("_at")),
        numbered="id" in names,
        labelled="label" in names,
        ruled="txt_rule" in names,
        more=more.get(table),
    )


_RULES: Final = {ROW_TYPES[str(table.name)]: _rule(table) for table in CARRIED}


class OneMessage:
    """Finds values that are too many: all of an account go into one message. To be asked of each row of a file."""

    def __init__(self) -> None:
        self._account = 0
        self._octets = 0

    def fault(self, row: Any) -> str | None:
        """Say what is wrong with a row behind those before it; a file has the values of an account together."""
        if type(row) is not _VALUE:
            return None
        if row.account < self._account:
            return f"a value of account {row.account} stands behind those of account {self._account}"
        if row.account > self._account:
            self._account, self._octets = row.account, 0
        self._octets += record_octets(row.value)
        if self._octets <= MOST_RECORD_OCTETS:
            return None
        return f"account {row.account} has more values than go into a message, {MOST_RECORD_OCTETS} octets of records"


def _is_json(text: str, decoder: "msgspec.json.Decoder[Any]") -> bool:
    try:
        decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


NUL_IN_JSON: Final = b"\\u0000"
"""What a line with a NUL in one of its texts holds: JSON has no other way to write it."""


def without_nul(row: Any) -> Any:
    """An entry of the audit log with every NUL escaped: older programs let it in, and PostgreSQL can't store it."""
    return type(row)(**{name: escaped(getattr(row, name)) for name in row.__struct_fields__})


def escaped(cell: Any) -> Any:
    """A column of the audit log, a text without NUL."""
    return cell.replace("\0", "\\x00") if isinstance(cell, str) else cell


def encoded(table: Table, rows: Sequence[Sequence[Any]]) -> bytes:
    """Lines of rows as the driver gives them, with all columns in the order of the table."""
    # SQLAlchemy's names are texts of a kind of their own.
    tag, names = str(table.name), [str(column.name) for column in table.columns]
    truths = [place for place, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    documents = []
    for row in rows:
        document = dict(zip(names, row, strict=True))
        for place in truths:
            document[names[place]] = bool(row[place])
        documents.append({TAG: tag, **document})
    return _encoder.encode_lines(documents)
