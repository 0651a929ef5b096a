"""Unmodified ACME clients get real certificates through our server, in both DNS layouts: every flow of the lab."""

import pytest

from tests.lab.flows import FLOWS, Flow
from tests.lab.laboratory import Laboratory
from tests.lab.namespace import LabError


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_flow_of_the_lab_ends_as_it_says(lab: Laboratory, flow: Flow) -> None:
    """What the flow's own docstring says comes true, with the programs as they are."""
    try:
        flow(lab)
    except LabError as error:
        pytest.fail(f"{error}\n\nthe server's log ends with:\n{lab.server.tail()}", pytrace=False)
