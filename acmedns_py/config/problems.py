"""How a wrong option is told: every problem at once, one line each, with nothing secret in it."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from acmedns_py.errors import AcmednsError, ConfigError

_LONGEST_VALUE: Final = 80
"""Characters of a value that are shown; enough to find it again, and a line stays a line."""


class Shown(str):
    """Text that stands for a value and is shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


NOT_SET: Final = Shown("(not set)")
HIDDEN: Final = Shown("***")


class Origin(NamedTuple):
    """What the operator calls an option of ours; `indexed` where a list of ours is a list there too."""

    option: str
    indexed: bool


class ConfigProblems(AcmednsError):
    """All that is wrong with a configuration; `path` is its file, `warnings` what was noticed besides."""

    def __init__(
        self, problems: Sequence[ConfigError], *, path: Path | None = None, warnings: Sequence[str] = ()
    ) -> None:
        """`problems` is never empty."""
        super().__init__("\n".join(one_line(str(problem)) for problem in problems))
        self.problems = list(problems)
        self.path = path
        self.warnings = tuple(warnings)


def one_line(text: str) -> str:
    """Give `text` fit for one line of a terminal or a log: what can't be printed is escaped."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def shown(option: str, value: object) -> object:
    """Give what may be shown of an option's value: secrets hidden, long values cut."""
    if option.startswith("database"):
        return shown_database(option, value)
    if option.startswith(("dns.cookie_secrets", "certificate.eab_hmac_key")):
        return HIDDEN
    text = repr(value)
    return value if len(text) <= _LONGEST_VALUE else Shown(text[: _LONGEST_VALUE - 3] + "...")


def shown_database(option: str, value: object) -> object:
    """Give what may be shown of the database section: of a URL its scheme, of a password nothing.

    A URL that is wrong may hold the password at any place, so only SQLite's, which has none, is shown whole.
    """
    if option == "database.url" and isinstance(value, str):
        scheme = re.match(r"[A-Za-z0-9+]{1,20}:", value)
        if scheme is not None:
            return value if scheme[0] == "sqlite:" else Shown(f"{scheme[0]}//***")
    return HIDDEN


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Give the known word that was probably meant, if any is near."""
    matches = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def nearest_option(section: str, key: str, known: Mapping[str, Iterable[str]]) -> str | None:
    """Give the "section.key" that was probably meant: of the same section first, else of any."""
    home = nearest(section, known)
    if home is not None and (match := nearest(key, known[home])) is not None:
        return f"{home}.{match}"
    elsewhere = {name: f"{other}.{name}" for other, names in known.items() for name in names}
    match = nearest(key, elsewhere)
    return elsewhere[match] if match is not None else None


def unknown_option(option: str, meant: str | None) -> ConfigError:
    """Give the problem of an option that does not exist; its value is hidden, since it may be a misspelt secret."""
    return ConfigError(option, HIDDEN, f"no such option; did you mean {meant}?" if meant else "no such option")


def renamed(problem: ConfigError, origins: Mapping[str, Origin]) -> ConfigError:
    """Give the problem under the name that the operator used for the option, where that differs."""
    option, bracket, index = problem.option.partition("[")
    origin = origins.get(option)
    if origin is None:
        return problem
    place = bracket + index if origin.indexed else ""
    return ConfigError(origin.option + place, problem.value, problem.cure)


def option_of(location: Sequence[int | str]) -> str:
    """Give "dns.listen[0]" for the place ("dns", "listen", 0) of a value."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def from_validation(error: ValidationError) -> list[ConfigError]:
    """Give each error of a validation as a problem of its own."""
    return [_problem(details) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails) -> ConfigError:
    option = option_of(details["loc"])
    if details["type"] == "missing":
        return ConfigError(option, NOT_SET, "this option is required")
    return ConfigError(option, shown(option, details["input"]), _cure(details))


def _cure(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    match details["type"]:
        case "int_type" | "int_from_float":
            return "write a whole number, without quotes"
        case "float_type" | "finite_number":
            return "write a number of seconds, without quotes"
        case "bool_type":
            return "write true or false, without quotes"
        case "string_type" | "path_type":
            return 'write a text in quotes, such as "..."'
        case "list_type":
            return 'write a list, such as ["..."]'
        case "literal_error":
            return f"write one of {context['expected']}"
        case "greater_than_equal":
            return f"write {context['ge']} or more"
        case "greater_than":
            return f"write more than {context['gt']}"
        case "less_than_equal":
            return f"write {context['le']} or less"
        case "too_short":
            return "write at least one"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"write it as a table: [{option_of(details['loc'])}] and its options below"
        case _:
            return details["msg"].removeprefix("Value error, ")
