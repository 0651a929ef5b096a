"""How events are written: structlog's and those of libraries in one form, to one place.

Loggers ask the standard library's root logger for the level at each event, so `set_level` and a second `configure` take
effect at once. Control process only: a worker has nothing to log with.
"""

import contextlib
import logging
import sys
from collections.abc import Mapping
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from acmedns_py.errors import ConfigError

MASKED: Final = frozenset(("password", "txt", "value", "authorization", "xapikey"))
"""Keys whose values are never written, without hyphens and underscores and in lower case."""

LIBRARIES: Final = (
    "acme",
    "aiohttp",
    "aiosqlite",
    "alembic",
    "asyncio",
    "asyncpg",
    "requests",
    "sqlalchemy",
    "urllib3",
)
"""Loggers of the libraries that may hold what is secret, or what is of no use to an operator."""

MOST_QUOTED: Final = 80
"""Characters of a text from outside that a refusal names."""

_MASK: Final = "***"
_DEEPEST: Final = 6
"""Levels of nesting that are looked through; what lies deeper is masked whole."""


def configure(level: str, format: str, destination: str, file: Path | None = None) -> None:  # noqa: A002 - the option's name
    """Write events of `level` and above in `format` ("json", "console") to `destination` ("stdout", "file").

    `file` is appended to, and opened again when it was moved away, as logrotate does. May be called again; raises
    `ConfigError` where the file can't be opened, and then everything stays as it was.
    """
    handler = _handler(destination, file)
    colours = destination == "stdout" and sys.stdout.isatty()
    handler.setFormatter(_formatter(format, colours=colours))
    root = logging.getLogger()
    former = root.handlers[:]
    root.addHandler(handler)
    for other in former:
        root.removeHandler(other)
        # Closing writes what is left, and a full disk may still be full.
        with contextlib.suppress(OSError):
            other.close()
    set_level(level)
    # A full disk must neither stop the service nor fill standard error with one traceback an event.
    logging.raiseExceptions = False
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def configure_command() -> None:
    """Write warnings and errors to standard error, for a command without a server: its answer tells all else."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            masked,
            *_for_people(colours=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def set_level(level: str) -> None:
    """Write events of `level` and above from here on; form and place stay.

    Libraries stay at warnings and above, also for who debugs: below, SQLAlchemy and the drivers tell rows and
    parameters, which are TXT values and verifiers.
    """
    logging.getLogger().setLevel(level.upper())
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLogger().level))


def masked(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide what a careless call would write: the last defence, no licence to log secrets (a structlog processor)."""
    return {key: _MASK if _is_secret(key) else _searched(value, _DEEPEST) for key, value in event.items()}


def _is_secret(key: object) -> bool:
    return isinstance(key, str) and key.lower().replace("-", "").replace("_", "") in MASKED


def _searched(value: object, depth: int) -> object:
    if isinstance(value, Mapping):
        if depth == 0:
            return _MASK
        return {key: _MASK if _is_secret(key) else _searched(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_searched(item, depth - 1) for item in value] if depth else _MASK
    return value


def _shared() -> list[Processor]:
    """Give what is added to every event, ours or a library's."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _formatter(form: str, *, colours: bool) -> logging.Formatter:
    if form == "json":
        final: list[Processor] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=_plain),
        ]
    else:
        final = _for_people(colours=colours)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, masked, *final],
    )


def _for_people(*, colours: bool) -> list[Processor]:
    # Texts are written as Python literals, so that what a client sent can't begin a line or a colour. The plain
    # traceback shows no local variables, which may be passwords.
    console = structlog.dev.ConsoleRenderer(
        colors=colours, repr_native_str=True, exception_formatter=structlog.dev.plain_traceback
    )
    return [_printable, console]


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape a library's text where it holds line ends or control characters; our own events are constant words."""
    event["event"] = printable(str(event.get("event", "")))
    return event


def printable(text: str) -> str:
    """Give a text, escaped as a whole where it holds line ends, control characters or anything else unprintable."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def quoted(text: str) -> str:
    """Name a text from outside in a refusal: as a Python literal, and no more of it than whoever wrote it needs."""
    return repr(text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}...")


def _plain(value: Any) -> str:
    return str(value)


class _MovableFile(WatchedFileHandler):
    """A file that may be moved away; where a fresh one can't be begun, events are lost and nothing else fails."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one event; the base class lets errors of opening the file through to whoever logs."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)


def _handler(destination: str, file: Path | None) -> logging.Handler:
    if destination == "stdout":
        return logging.StreamHandler(sys.stdout)
    if file is None:
        raise ConfigError("log.file", None, 'log.destination = "file" needs it; name the file')
    try:
        return _MovableFile(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError("log.file", str(file), f"it can't be opened for writing ({reason}); name another") from error
