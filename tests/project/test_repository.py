"""House rules that hold for every file: what a module says first, and what may stand nowhere."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.project.documents import ROOT


def files() -> list[Path]:
    """Give every file that belongs to the repository: tracked, or not yet and not ignored.

    An unpacked archive has no list; there it is everything but what tools leave behind.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return sorted(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())
    left_behind = {"__pycache__", "build", "dist", "var"}
    return sorted(
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and not any(part in left_behind or part.startswith(".") for part in path.relative_to(ROOT).parts)
        and not any(part.endswith(".egg-info") for part in path.parts)
    )


FILES = files()
MODULES = [path for path in FILES if path.suffix == ".py"]
PROGRAM = [path for path in MODULES if path.is_relative_to(ROOT / "acmedns_py")]


def name(path: Path) -> str:
    """Give a file's path from the root, for a test's name."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_first_line_of_a_module_is_its_purpose_in_one_sentence(path):
    """It stands alone, ends as a sentence or leads to what follows, and no second one is squeezed in."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, "no docstring"
    first, _, rest = docstring.partition("\n")
    assert first.endswith((".", ":"))
    assert not re.search(r"[a-z)`]\. [A-Z]", first)
    assert not rest or rest.startswith("\n")


@pytest.mark.parametrize("path", PROGRAM, ids=name)
def test_module_is_of_a_size_that_can_be_read(path):
    """About 400 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 440


# Put together from parts, so that this file does not hold them.
FORBIDDEN = {
    "a developer's home": r"(?<![\w.])/(?:home|Users)/\w+|(?<![\w./])/" + r"root/\w",
    "a working directory of ours": r"(?<![\w.])/" + r"work/|/tmp/" + r"brief",
    "a package index": "|".join(
        re.escape(host)
        for host in (
            "pypi" + ".org",
            "python" + "hosted.org",
            "proxy.golang" + ".org",
            "sum.golang" + ".org",
            "registry" + ".npm",
        )
    ),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what):
    """They would tie the repository to one machine or one network."""
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in FILES:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{name(path)}:{number}: {line}" for number, line in enumerate(lines, 1) if pattern.search(line)]
    assert found == []


def test_the_patterns_find_what_they_are_for():
    """They can turn red."""
    examples = {
        "a developer's home": "open('/" + "home/ann/x')",
        "a working directory of ours": "cd /" + "work/main",
        "a package index": "https://" + "pypi" + ".org/simple",
    }
    assert all(re.search(FORBIDDEN[what], example) for what, example in examples.items())
