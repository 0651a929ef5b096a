"""The broken Internet as a fixture: one for all tests of a module, which says what is wrong in it from the start."""

from collections.abc import Iterator

import pytest

from tests.check.lab import Lab, running

_WANTED = ("records", "first_records", "second_records", "accounts")


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running lab with the module's RECORDS, FIRST_RECORDS and SECOND_RECORDS (at one provider alone) and ACCOUNTS."""
    wanted = {name: getattr(request.module, name.upper(), ()) for name in _WANTED}
    with running(tmp_path_factory.mktemp("lab"), **wanted) as found:
        yield found
