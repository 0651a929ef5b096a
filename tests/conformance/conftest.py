"""Puts the exam to ourselves, NSD and Knot, or to the one server that `--subject ADDR:PORT` names."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

import pytest

from tests.conformance.departures import reason
from tests.conformance.references import NAMES, running
from tests.conformance.subject import LAST_QUERY, Subject


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option exists where this folder is named on the command line."""
    parser.addoption("--subject", help="ADDR:PORT of the server that takes the exam")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that takes a subject is about each of them."""
    if "subject" in metafunc.fixturenames:
        foreign = metafunc.config.getoption("--subject", None)
        metafunc.parametrize("subject", [foreign] if foreign else NAMES, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A foreign subject is asked alone: what is about our own three has no place in its exam."""
    if config.getoption("--subject", None):
        items[:] = [item for item in items if "subject" in getattr(item, "fixturenames", ())]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with each failure the line that repeats the last query before it."""
    report = yield
    subject = getattr(item, "funcargs", {}).get("subject")
    if report.when == "call" and report.failed and isinstance(subject, Subject):
        report.sections.append((LAST_QUERY, subject.repeat()))
    return report


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Subject]]:
    """Gives one of the three by its name, started at the first use and stopped at the end of the run."""
    started: dict[str, Subject] = {}
    with ExitStack() as stack:

        def one(name: str) -> Subject:
            if name not in started:
                started[name] = stack.enter_context(running(name, tmp_path_factory.mktemp(name)))
            return started[name]

        yield one


@pytest.fixture
def all_three(start: Callable[[str], Subject]) -> list[Subject]:
    """Ours, NSD and Knot, running."""
    return [start(name) for name in NAMES]


@pytest.fixture
def subject(request: pytest.FixtureRequest, start: Callable[[str], Subject]) -> Subject:
    """The server that takes the exam; where it is known to depart from it, passing is a failure as well."""
    name: str = request.param
    if name not in NAMES:
        host, _, port = name.rpartition(":")
        return Subject(name, host.strip("[]"), int(port))
    why = reason(name, request.node.originalname, request.node.callspec.id)
    if why is not None:
        request.applymarker(pytest.mark.xfail(reason=why, strict=True))
    return start(name)
