"""Rows of our tables as lines of a backup: what is carried and what is not, octets to rows and back.

A row is a JSON object of its columns by name, with its table's name as `type`. Octets are base64, times are as they
are stored. All of it follows from `schema`: a column that is added there is carried, and one that a line lacks takes
its default, so that older backups are read.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, False_, Integer, LargeBinary, Table, True_

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
    return msgspec.defstruct(
        f"Row of {table.name}", fields, kw_only=True, tag_field=TAG, tag=str(table.name), forbid_unknown_fields=True
    )


ROW_TYPES: Final = {str(table.name): _row_type(table) for table in CARRIED}

_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}")
"""What labels can be, those of acme-dns among them."""

_encoder = msgspec.json.Encoder()


def table_of(row: msgspec.Struct) -> str:
    """The name of a row's table."""
    return str(row.__struct_config__.tag)


def cells(row: msgspec.Struct) -> tuple[Any, ...]:
    """A row's columns in the order of its table."""
    return msgspec.structs.astuple(row)


def fault(row: Any) -> str | None:
    """Say what is wrong with a row that has the right types, None where nothing is: what a server could not load."""
    table = table_of(row)
    if table in (schema.account.name, schema.retired_label.name) and _LABEL.fullmatch(row.label) is None:
        return f"the label {row.label!r} is none in lower case"
    if table != schema.account.name:
        return None
    if not possible_username(row.username):
        return f"the username {row.username!r} can't be one"
    try:
        msgspec.json.decode(row.allow_from, type=list[str])
    except msgspec.DecodeError:
        return "allow_from is no JSON list of texts"
    return None


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
