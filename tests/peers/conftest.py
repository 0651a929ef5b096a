"""The lab as a fixture: one for all tests of a module in each layout, since it starts in a second but flows take longer."""

from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory, laboratory
from tests.lab.layouts import LAYOUTS


@pytest.fixture(scope="module", params=LAYOUTS)
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """A running lab; what flows say is printed, and shown when a test fails."""
    folder = tmp_path_factory.mktemp(f"lab-{request.param}")
    with laboratory(folder, LAYOUTS[request.param], say=print) as running:
        yield running
