"""docs/metrics.md, the rules and the dashboard name the metrics that there are, and nothing else."""

from acmedns_py.metrics import TABLE, Metric
from tests.project.documents import section, text


def row(metric: Metric) -> str:
    """Give a metric's line in the table of the page."""
    labels = ", ".join(f"`{label.name}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.help} |"


def lines(document: str, heading: str) -> list[str]:
    """Give the lines of the table below a heading, without its head."""
    return [line for line in section(text(document), heading).splitlines() if line.startswith("|")][2:]


def test_table_of_metrics_is_that_of_the_program():
    """Line for line: the page is made of what this gives."""
    assert lines("docs/metrics.md", "The table") == [row(metric) for metric in TABLE]


def test_table_of_labels_is_that_of_the_program():
    """Each label with the values that it can have."""
    labels = dict.fromkeys(label for metric in TABLE for label in metric.labels)
    assert lines("docs/metrics.md", "Labels") == [f"| `{label.name}` | {label.said} |" for label in labels]


def test_names_are_those_that_prometheus_expects():
    """Counters end in _total and nothing else does; a name is there once."""
    names = [metric.name for metric in TABLE]
    assert len(set(names)) == len(names)
    assert [metric.name for metric in TABLE if metric.name.endswith("_total") != (metric.kind.value == "counter")] == []
    assert all(name.startswith("acmedns_") for name in names)
