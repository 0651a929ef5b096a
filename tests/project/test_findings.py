"""docs/findings.md is what the code finds."""

import ast
import itertools

from acmedns_py.check.page import GROUPS, page
from tests.project.documents import ROOT, text

IDS = list(itertools.chain.from_iterable(kinds for _, kinds in GROUPS))


def test_the_page_is_made_from_the_code():
    """`make findings` writes it."""
    assert text("docs/findings.md") == page()


def test_no_two_groups_share_an_id():
    """An id says which finding it is, wherever it stands."""
    assert len(IDS) == len(set(IDS))


def test_each_finding_has_a_test_that_expects_it():
    """What no lab has shown may never be found, or always; collected from what the tests of the check compare with."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in (ROOT / "tests/check").glob("test_*.py")]
    expected = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert [one for one in IDS if one not in expected] == []
