"""Every case of the list that the exam was made from has its test, where `numbers` says that it has."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.exam import CASES
from tests.conformance.numbers import NUMBERS

ROOT = Path(__file__).parents[2]
REQUIRED = {*range(1, 59), 72, 73, 74, 75, 78, 80, 83, 85} - {37, 48}
"""All of the groups on queries and answers, load and privacy, zone and ACME; not transfers, DNSSEC and the API."""

CITED = re.compile(r"dns-correctness((?:,? (?:and |to )?#\d+)+)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dns-correctness #4 a", {4}),
        ("(RFC 1 2; dns-correctness #2, #5 to #7 and #9)", {2, 5, 6, 7, 9}),
        ("#3 alone", set()),
    ],
)
def test_citations_are_read(text, expected):
    """Numbers, lists and ranges, behind the name of the list."""
    assert numbers_in(text) == expected


def test_list_is_whole():
    """No case that was asked for is missing here."""
    assert NUMBERS.keys() >= REQUIRED


@pytest.mark.parametrize("number", sorted(NUMBERS))
def test_case_is_cited_where_the_table_says(number):
    """By the sentence of a test, or by a row of the exam."""
    _, files = NUMBERS[number]
    assert files
    assert [file for file in files if number not in cited_in(ROOT / file)] == []


def test_titles_of_rows_are_unique():
    """A departure is listed by the row's title."""
    titles = [case.title for case in CASES]
    assert sorted({title for title in titles if titles.count(title) > 1}) == []


def cited_in(path: Path) -> set[int]:
    """The numbers that the tests of a module cite, its rows included."""
    found = set().union(*map(numbers_in, sentences(path)))
    if path.parent == Path(__file__).parent:
        module = importlib.import_module(f"tests.conformance.{path.stem}")
        found |= set().union(*(numbers_in(case.title) for case in getattr(module, "ROWS", [])))
    return found


def sentences(path: Path) -> Iterator[str]:
    """The docstrings of a module's tests."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield ast.get_docstring(node) or ""


def numbers_in(text: str) -> set[int]:
    """The numbers behind "dns-correctness", ranges filled."""
    found: set[int] = set()
    for cited in CITED.findall(text):
        last = 0
        for word, digits in re.findall(r"(to )?#(\d+)", cited):
            number = int(digits)
            found |= set(range(last + 1, number + 1)) if word else {number}
            last = number
    return found
