"""docs/findings.md is what the code finds."""

import itertools

from acmedns_py.check.page import GROUPS, page
from tests.project.documents import text


def test_the_page_is_made_from_the_code():
    """`make findings` writes it."""
    assert text("docs/findings.md") == page()


def test_no_two_groups_share_an_id():
    """An id says which finding it is, wherever it stands."""
    ids = list(itertools.chain.from_iterable(kinds for _, kinds in GROUPS))
    assert len(ids) == len(set(ids))
