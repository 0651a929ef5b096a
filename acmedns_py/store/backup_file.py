"""A backup as a file: JSON lines, a header, the rows, and an end that tells whether all of it is as it was written.

The last line has the number of rows and the SHA-256 of every octet before it, so that a file that was cut off, damaged,
put in another order or joined with another is refused whole. Compressed (gzip) or not is seen by the first octets.
Nothing here asks a database, and a whole file is never in memory.
"""

import fcntl
import glob
import gzip
import hashlib
import io
import os
import stat
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Union, cast

import msgspec

from acmedns_py.errors import BackupRefused, OutputClosed
from acmedns_py.store import rows
from acmedns_py.store.bulk import NUMBERED
from acmedns_py.store.schema import REVISIONS

FORMAT: Final = 1

LONGEST_LINE: Final = 1 << 20
"""Octets of a line, so that no file can fill the memory; the longest row has some kilobytes."""

COMPRESSION: Final = 3
"""Of gzip. Most of a backup is random; 6 takes twice the time to save some 3 % more."""

BATCH: Final = 5_000
"""Rows of one table that are given at once, at most."""

BATCH_OCTETS: Final = 8 << 20
"""Octets of their lines, at most: our own rows come nowhere near it, those of a hostile file may be long."""

_UNFINISHED: Final = ".part"

_GZIP: Final = b"\x1f\x8b"

_ELSE: Final = "name a file made by acmedns backup or acmedns export"


class Header(msgspec.Struct, tag_field=rows.TAG, tag="backup", kw_only=True):
    """The first line: what wrote it, of what and when (microseconds since 1970 by the database), and rows by table.

    `numbered` has the highest number that was given by tables that give none twice, perhaps to a row that is gone.
    """

    format: int
    program: str
    revision: str
    zone: str
    cursor: int
    made_at: int
    counts: dict[str, int]
    numbered: dict[str, int] = {}


class End(msgspec.Struct, tag_field=rows.TAG, tag="end", kw_only=True):
    """The last line: the number of rows, and the SHA-256 of all lines before this one in hexadecimal digits."""

    rows: int
    sha256: str


class _Claim(msgspec.Struct, tag_field=rows.TAG, tag="backup"):
    """What the header of any format has."""

    format: int
    program: str = "unknown"


_encoder = msgspec.json.Encoder()
_claim = msgspec.json.Decoder(_Claim)
_header = msgspec.json.Decoder(Header)
_line: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder(Union[(End, *rows.ROW_TYPES.values())])

_NO_ROW: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What octets that are no line of ours can raise in a decoder."""


class Sink:
    """Where lines go; they are counted and hashed on their way."""

    def __init__(self, out: IO[bytes], name: str, header: Header) -> None:
        """Write the header to `out`, which people know by `name`.

        Raises `BackupRefused`, or `OutputClosed` where nobody reads on; as all methods do.
        """
        self._out = out
        self._name = name
        self._sum = hashlib.sha256()
        self._rows = 0
        self._put(_encoder.encode(header) + b"\n")

    def write(self, lines: bytes, count: int) -> None:
        """Write the lines of so many rows."""
        self._rows += count
        self._put(lines)

    def end(self) -> None:
        """Write the end; without it the file is none."""
        self._put(_encoder.encode(End(rows=self._rows, sha256=self._sum.hexdigest())) + b"\n")

    def _put(self, octets: bytes) -> None:
        self._sum.update(octets)
        try:
            self._out.write(octets)
        except BrokenPipeError:
            raise OutputClosed("nobody reads on") from None
        except OSError as error:
            raise _unwritable(self._name, error) from error


def _require_place(path: Path, *, force: bool) -> None:
    """Refuse what is there already, and even with `force` what is no file: a device would be gone for good."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise BackupRefused(f"{path} is there already and is no plain file; name a file")
    if path.exists() and not force:
        raise BackupRefused(f"{path} is there already; name another file, or let --force overwrite it")


@contextmanager
def written(path: Path, *, compressed: bool, force: bool = False) -> Iterator[IO[bytes]]:
    """Give a file to write to, for its owner alone (0600), that has its name only once it is whole and on the disk.

    Raises `BackupRefused` where it can't be written, or is there already and `force` is not given.
    """
    try:
        _require_place(path, force=force)
        remove_unfinished(path.parent, glob.escape(path.name))
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_UNFINISHED, dir=path.parent)
    except OSError as error:
        raise _unwritable(str(path), error) from error
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            # Not every file system has locks; without one, what a killed process leaves is not removed.
            with suppress(OSError):
                fcntl.flock(raw, fcntl.LOCK_EX)
            yield from _through(raw, compressed=compressed)
            raw.flush()
            os.fsync(raw.fileno())
        unfinished.rename(path)
        # The name too, or a power cut could take the file away again.
        directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise _unwritable(str(path), error) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def remove_unfinished(directory: Path, pattern: str) -> None:
    """Remove what killed processes have left of files whose names the pattern has; not what is being written."""
    for path in directory.glob(f".{pattern}.*{_UNFINISHED}"):
        # Whoever writes it holds its lock; what is another's stays. A pipe of that name must not hold anybody up.
        with suppress(OSError), open(path, "rb", opener=_at_once) as left:
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if stat.S_ISREG(os.fstat(left.fileno()).st_mode):
                path.unlink()


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


@contextmanager
def passed_on(out: IO[bytes], *, compressed: bool) -> Iterator[IO[bytes]]:
    """Give a way to a stream that is open already, standard output for example; raises as `Sink` does."""
    try:
        yield from _through(out, compressed=compressed)
        out.flush()
    except BrokenPipeError:
        raise OutputClosed("nobody reads on") from None
    except OSError as error:
        raise _unwritable("standard output", error) from error


def _through(raw: IO[bytes], *, compressed: bool) -> Iterator[IO[bytes]]:
    if not compressed:
        yield raw
        return
    # Neither name nor time in it: the same rows give the same octets.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=COMPRESSION, fileobj=raw, mtime=0) as packed:
        yield cast("IO[bytes]", packed)


def _unwritable(name: str, error: OSError) -> BackupRefused:
    cure = "make room, or name another place, that this user can write"
    return BackupRefused(f"{name} can't be written: {error.strerror or error}; {cure}")


Unreadable = Callable[[int, str], None]
"""Told of a line that is whole but can't be used: its number and why."""


class Reader:
    """A file that is being read; `batches` is to be called once, and only its end says that the file is whole."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        """Read the header; raises `BackupRefused`, as all methods do."""
        self._file = file
        self._path = path
        self._number = 0
        self._sum = hashlib.sha256()
        self.header = self._read_header()
        self.sha256: str | None = None

    def batches(self, unreadable: Unreadable | None = None, *, known: str | None = None) -> Iterator[list[Any]]:
        """Give all rows in the order of the file, those of one batch from one table; ends where the file is whole.

        Tables come in the order of `rows.CARRIED`, each behind those that it refers to. A row that can't be used is
        told to `unreadable` and left out; without that the file is refused. `known` is the SHA-256 of a file that had
        none of those: its rows are not looked at again, and a file that has another one is refused.
        """
        found: Counter[str] = Counter()
        bad = 0
        table = ""
        kind: type | None = None
        batch: list[Any] = []
        octets = 0
        values = rows.OneMessage()
        while (line := self._next()) is not None:
            try:
                row = _line.decode(line)
                if type(row) is rows.ENTRY and rows.NUL_IN_JSON in line:
                    row = rows.without_nul(row)
                looked_at = known is not None or type(row) is End
                reason = None if looked_at else rows.fault(row) or values.fault(row)
            except _NO_ROW as error:
                reason = str(error)
            if reason is not None:
                if unreadable is None:
                    raise self._damaged(f"line {self._number} can't be read: {reason}")
                unreadable(self._number, reason)
                bad += 1
            elif type(row) is End:
                found[table] += len(batch)
                yield batch
                self._check_end(row, found, bad)
                if known is not None and row.sha256 != known:
                    raise BackupRefused(f"{self._path} was replaced while it was read; try again")
                self.sha256 = row.sha256
                return
            else:
                octets += len(line)
                if type(row) is not kind or len(batch) == BATCH or octets > BATCH_OCTETS:
                    found[table] += len(batch)
                    yield batch
                    batch, octets = [], len(line)
                    kind, table = type(row), self._next_table(table, rows.table_of(row))
                batch.append(row)
            self._sum.update(line)
        raise self._damaged(f"it ends behind line {self._number}, before its end: it was cut off")

    def _read_header(self) -> Header:
        line = self._next() or b""
        try:
            claim = _claim.decode(line)
        except _NO_ROW:
            raise BackupRefused(f"{self._path} is no backup of acmedns; {_ELSE}") from None
        if claim.format != FORMAT:
            raise BackupRefused(
                f"{self._path} has format {claim.format}, made by acmedns-py {claim.program}; this program reads "
                f"format {FORMAT}: use that version, or a later one"
            )
        try:
            header = _header.decode(line)
        except _NO_ROW as error:
            raise self._damaged(f"its header can't be read: {error}") from None
        if header.revision not in REVISIONS:
            raise BackupRefused(
                f"{self._path} was made by acmedns-py {header.program} from a database of revision {header.revision}; "
                f"this program knows revisions up to {REVISIONS[-1]}: upgrade it to that version first"
            )
        if not rows.is_time(header.made_at):
            raise self._damaged("its header's made_at is no time of the years 1 to 9999")
        if not 0 <= header.cursor <= rows.MOST_NUMBERED:
            raise self._damaged(f"its header's cursor is none from 0 to {rows.MOST_NUMBERED}")
        for table, number in header.numbered.items():
            if table not in NUMBERED or not 0 < number <= rows.MOST_NUMBERED:
                raise self._damaged(f"its header's numbered has {table!r}: {number}, which can't be")
        self._sum.update(line)
        return header

    def _next(self) -> bytes | None:
        """Give the next line with its end, None behind the last."""
        try:
            line = self._file.readline(LONGEST_LINE)
        except EOFError:
            raise self._damaged(f"it ends behind line {self._number}, before its end: it was cut off") from None
        except (zlib.error, gzip.BadGzipFile) as error:
            raise self._damaged(f"behind line {self._number} it can't be unpacked: {error}") from None
        except OSError as error:
            raise _unreadable_file(self._path, error) from error
        if not line:
            return None
        self._number += 1
        # A first line without an end is none of ours.
        if not line.endswith(b"\n") and self._number > 1:
            long = len(line) == LONGEST_LINE
            raise self._damaged(f"line {self._number} {'is too long' if long else 'has no end: it was cut off'}")
        return line

    def _next_table(self, table: str, following: str) -> str:
        order = list(rows.BY_NAME)
        if table and order.index(following) < order.index(table):
            raise self._damaged(f"line {self._number}: rows of {following} behind those of {table}")
        return following

    def _check_end(self, end: End, found: Counter[str], bad: int) -> None:
        if end.sha256 != self._sum.hexdigest():
            raise self._damaged("its octets are not those that were written (SHA-256)")
        counted = found == Counter(self.header.counts) or bad > 0
        if end.rows != found.total() + bad or not counted:
            raise self._damaged("it has other rows than its header and its end say")
        if self._next() is not None:
            raise self._damaged(f"it goes on behind its end, at line {self._number}")

    def _damaged(self, what: str) -> BackupRefused:
        return BackupRefused(f"{self._path} is not whole and was not used: {what}; take another backup")


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Give a reader of a file, compressed or not; raises `BackupRefused`."""
    try:
        # From a pipe it could be read once, and to open one may take for ever.
        if path.is_fifo() or path.is_char_device() or path.is_socket():
            raise BackupRefused(f"{path} is no file, and a backup is read twice; save it to a file first")
        file = path.open("rb")
    except OSError as error:
        raise _unreadable_file(path, error) from error
    with file:
        try:
            packed = file.peek(len(_GZIP)).startswith(_GZIP)
        except OSError as error:
            raise _unreadable_file(path, error) from error
        if not packed:
            yield Reader(file, path)
            return
        # Its own lines are looked for in Python, which takes twice the time.
        with gzip.GzipFile(fileobj=file, mode="rb") as unpacked, io.BufferedReader(cast("Any", unpacked)) as lines:
            yield Reader(lines, path)


class Examined(NamedTuple):
    """A file that was found to be whole: its header, and the SHA-256 by which it is known again."""

    header: Header
    sha256: str


def examined(path: Path, unreadable: Unreadable | None = None) -> Examined:
    """Read a file to its end, so that it is known to be whole; raises `BackupRefused`."""
    with opened(path) as reader:
        for _ in reader.batches(unreadable):
            pass
        assert reader.sha256 is not None, "read to its end"
        return Examined(reader.header, reader.sha256)


def file_name(path: Path) -> str:
    """A file's name as a text that any database can hold, whatever octets the system has for it."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _unreadable_file(path: Path, error: OSError) -> BackupRefused:
    return BackupRefused(f"{path} can't be read: {error.strerror or error}; {_ELSE}")
