"""A configuration as text: what is read back is what was written."""

import tomllib

from hypothesis import example, given
from hypothesis import strategies as st

from acmedns_py.config.written import toml

KEY = st.sampled_from(["name", "listen", "password", "x_y"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUE = st.one_of(TEXT, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.lists(TEXT))


@given(st.dictionaries(st.sampled_from(["zone", "dns", "api", "database"]), st.dictionaries(KEY, VALUE)))
@example({"zone": {"name": '\x7f\\"\n'}})
def test_any_text_comes_back(document):
    """Quotes, control characters, DEL and emoji, too."""
    assert tomllib.loads(toml(document)) == document
