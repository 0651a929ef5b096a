"""Answers from the command line, else from the terminal, else what is proposed; each is checked at once."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import typer

from acmedns_py.cli.asking import fail

T = TypeVar("T")
Read = Callable[[str], T]
"""Takes an answer; raises `ValueError` whose text says what to do."""


class Questions:
    """On a terminal a wrong answer is asked for again; a wrong option ends the command. Questions go to stderr."""

    def __init__(self, *, ask: bool) -> None:
        """Without `ask` the proposals are taken."""
        self._ask = ask

    def begin(self, lacking: Sequence[str]) -> None:
        """Refuse at once where nobody can be asked for the options that have no proposal."""
        if not self._ask and lacking:
            fail(f"--yes asks nothing, and nothing can be proposed for {', '.join(lacking)}; say them")
        if self._ask and not sys.stdin.isatty():
            fail(f"there is no terminal to ask on; say {', '.join(('--yes', *lacking))}")

    def one(self, option: str, given: str | None, question: str, read: Read[T], *, proposal: str | None) -> T:
        """Give the answer to one question."""
        if given is None and (not self._ask and proposal is not None):
            given = proposal
        if given is not None:
            return _checked(option, given, read)
        answer: T = typer.prompt(question, default=proposal, value_proc=_asked_again(read), err=True)
        return answer

    def many(
        self, option: str, given: Sequence[str] | None, question: str, read: Read[T], *, proposal: Sequence[str]
    ) -> list[T]:
        """Give one or more answers, each once; on the terminal they have commas or blanks between them."""
        if not given and not self._ask:
            given = proposal
        if given:
            found = [_checked(option, text, read) for text in given]
        else:
            found = self.one(option, None, question, _each(read), proposal=", ".join(proposal) or None)
        return list(dict.fromkeys(found))

    def secret(self, question: str) -> str | None:
        """Give what is typed without being shown; None for nothing, and where nobody is asked."""
        if not self._ask:
            return None
        text: str = typer.prompt(question, default="", hide_input=True, show_default=False, err=True)
        return text or None


def one_of(choices: Mapping[str, str]) -> Read[str]:
    """A reader of one of these words."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"write one of {', '.join(choices)}")
        return text

    return read


def _checked(option: str, text: str, read: Read[T]) -> T:
    try:
        text.encode()
    except UnicodeEncodeError:
        fail(f"{option} {text[:200]!r} can't be used: it is not UTF-8, which the configuration is; write text")
    try:
        return read(text.strip())
    except ValueError as error:
        fail(f"{option} {text[:200]!r} can't be used: {error}")


def _each(read: Read[T]) -> Read[list[T]]:
    return lambda text: [read(part) for part in re.split(r"[\s,]+", text) if part]


def _asked_again(read: Read[T]) -> Read[T]:
    def reread(text: str) -> T:
        try:
            return read(text.strip())
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return reread
