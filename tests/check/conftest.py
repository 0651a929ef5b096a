"""The broken Internet as a fixture: one for all tests of a module, which says what is wrong in it from the start."""

from collections.abc import Iterator

import pytest

from tests.check.lab import Lab, running


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running lab with the module's RECORDS, SECOND_RECORDS (at the second provider alone) and ACCOUNTS."""
    wanted = {name: getattr(request.module, name.upper(), ()) for name in ("records", "second_records", "accounts")}
    with running(tmp_path_factory.mktemp("lab"), **wanted) as found:
        yield found
