"""The Markdown files of the repository, cut into what tests compare: prose, code blocks, tables, links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATHS = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
IDS = [str(path.relative_to(ROOT)) for path in PATHS]

_FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[a-z-]+) -->\n)?^```(?P<language>[a-z]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and the comment directly above it, "" where there is none."""

    mark: str
    language: str
    text: str


def text(name: str) -> str:
    """Give a document by its path from the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(document: str) -> list[Block]:
    """Give the fenced blocks in their order."""
    return [Block(found["mark"] or "", found["language"], found["text"]) for found in _FENCE.finditer(document)]


def prose(document: str) -> str:
    """Give a document without its fenced blocks."""
    return _FENCE.sub("", document)


def code(document: str) -> list[str]:
    """Give what stands in backticks in the prose."""
    return re.findall(r"`([^`\n]+)`", prose(document))


def section(document: str, title: str) -> str:
    """Give what stands below a heading, up to the next one of its level or above; fails where it is missing."""
    found = re.search(rf"^(#+) {re.escape(title)}$", document, re.MULTILINE)
    assert found is not None, f"no heading {title!r}"
    rest = document[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(document: str) -> list[list[str]]:
    """Give the cells of every row of every table, heads excluded."""
    found: list[list[str]] = []
    lines = document.splitlines()
    for index, line in enumerate(lines):
        is_head = index + 1 < len(lines) and set(lines[index + 1]) <= set("|- ") and lines[index + 1].startswith("|")
        if line.startswith("|") and not set(line) <= set("|- ") and not is_head:
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def links(document: str) -> list[str]:
    """Give the targets of the links in the prose."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(document))


def anchors(document: str) -> set[str]:
    """Give the anchors that a host of Git repositories makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
