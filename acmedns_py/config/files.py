"""Where the configuration file is looked for, and how it becomes a document; every failure is one clear line."""

import stat
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from acmedns_py.config.problems import NOT_SET
from acmedns_py.errors import ConfigError

SEARCHED: Final = (
    Path("config.toml"),
    Path("/etc/acmedns/config.toml"),
    Path("/etc/acme-dns/config.cfg"),
    Path("config.cfg"),
)
"""Our own places first, then those of acme-dns, in its order."""

MOST_OCTETS: Final = 4 * 1024 * 1024
"""More than 50,000 static records need; a device or a wrong file ends here instead of in memory."""

_OPTION: Final = "configuration file"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file as it was found: where, its text, and what the text says."""

    path: Path
    text: str
    document: dict[str, object]

    def lines_of(self, texts: Iterable[str]) -> list[int | None]:
        """Give the line in which each of `texts` stands as a quoted string; they stand in this order.

        None where it is written in another way, with escapes or over several lines.
        """
        lines: list[int | None] = []
        line, position = 1, 0
        for text in texts:
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            starts = [self.text.find(quoted, position) for quoted in (f'"{escaped}"', f"'{text}'")]
            start = min((start for start in starts if start >= 0), default=None)
            if start is None:
                lines.append(None)
                continue
            line += self.text.count("\n", position, start)
            position = start
            lines.append(line)
        return lines


def find(path: Path | None, searched: tuple[Path, ...] = SEARCHED) -> ConfigFile | None:
    """Read `path`, or without it the first of `searched` that exists; None where none does; raises `ConfigError`."""
    if path is not None:
        try:
            return _parsed(path, _octets(path))
        except FileNotFoundError:
            raise ConfigError(_OPTION, str(path), "there is no such file; name one that exists with -c") from None
    for candidate in searched:
        try:
            return _parsed(candidate, _octets(candidate))
        except FileNotFoundError:
            continue
    return None


def read_secret(path: Path) -> str:
    """Read a secret from its file, without the line end that editors add; raises `ConfigError` without its content."""
    try:
        octets = _octets(path)
    except FileNotFoundError:
        raise ConfigError(_OPTION, str(path), "there is no such file; write the secret into it") from None
    try:
        secret = octets.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(_OPTION, str(path), "the file is not UTF-8 text; write the secret as plain text") from None
    if not secret or not secret.isprintable():
        raise ConfigError(_OPTION, str(path), "write the secret, and nothing else, on the one line of this file")
    return secret


def _octets(path: Path) -> bytes:
    """Read the file; raises `FileNotFoundError` where there is none, `ConfigError` where it can't be read."""
    try:
        with path.open("rb") as file:
            octets = file.read(MOST_OCTETS + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(path) from None
    except IsADirectoryError:
        raise ConfigError(_OPTION, str(path), "this is a directory; name the file in it") from None
    except PermissionError:
        raise ConfigError(
            _OPTION, str(path), f"no right to read it{_owned_by(path)}; change its mode or owner"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(_OPTION, str(path), f"it can't be read ({reason}); name another file") from None
    if len(octets) > MOST_OCTETS:
        raise ConfigError(_OPTION, str(path), f"it is larger than {MOST_OCTETS} octets; name the right file")
    return octets


def _owned_by(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return ""
    return f" (mode {stat.S_IMODE(found.st_mode):04o}, owner {found.st_uid})"


def _parsed(path: Path, octets: bytes) -> ConfigFile:
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ConfigError(_OPTION, str(path), f"line {line} is not UTF-8; save the file as UTF-8") from None
    if text.startswith("\ufeff"):
        raise ConfigError(_OPTION, str(path), "it begins with a byte order mark; save it as UTF-8 without one")
    try:
        # TOML knows the line ends LF and CRLF; tomllib takes both.
        return ConfigFile(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_OPTION, str(path), f"this is not TOML: {error}; correct that line") from None
    except RecursionError:
        raise ConfigError(_OPTION, str(path), "its lists or tables are nested too deeply; flatten them") from None
    except ValueError as error:
        # A number of thousands of digits is refused by int() itself.
        raise ConfigError(_OPTION, str(path), f"this is not TOML: {error}; correct it") from None


def nothing_found() -> ConfigError:
    """Give the problem of having neither a file nor a zone in the environment."""
    places = ", ".join(str(path) for path in SEARCHED)
    return ConfigError(
        _OPTION, NOT_SET, f"none of {places} exists; write one, name one with -c, or set ACMEDNS_ZONE__NAME"
    )
