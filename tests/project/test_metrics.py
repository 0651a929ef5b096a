"""docs/metrics.md, the rules and the dashboard name the metrics that there are, and nothing else."""

import json
import re

import pytest
import yaml

from acmedns_py.metrics import METRICS, TABLE, Kind, Metric
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


DASHBOARD = json.loads(text("deploy/grafana/acmedns.json"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
QUERIES += [variable["definition"] for variable in DASHBOARD["templating"]["list"] if "definition" in variable]
ALERTS = [
    rule["expr"] for group in yaml.safe_load(text("deploy/prometheus/rules.yml"))["groups"] for rule in group["rules"]
]
ADDED = {"job", "instance", "le"}
"""Labels that Prometheus adds, and that of buckets."""


def asked(expression: str) -> list[tuple[Metric | None, list[tuple[str, str, str]]]]:
    """Give the metrics of ours in an expression, None for one that there is not, each with its label matchers."""
    found = []
    for name, matchers in re.findall(r"\b(acmedns_[a-z_]+)\b(?:\{([^}]*)\})?", expression):
        metric = METRICS.get(name) or METRICS.get(re.sub("_(bucket|count|sum)$", "", name))
        if metric is not None and (metric.name == name) == (metric.kind is Kind.HISTOGRAM):
            metric = None
        found.append((metric, re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', matchers)))
    return found


@pytest.mark.parametrize("expression", [*ALERTS, *QUERIES])
def test_queries_name_metrics_labels_and_values_that_there_are(expression):
    """Of alerts and dashboard; a histogram is asked for its buckets, count or sum."""
    for metric, matchers in asked(expression):
        assert metric is not None, expression
        patterns = {label.name: label.pattern for label in metric.labels}
        for label, sign, value in matchers:
            assert label in patterns.keys() | ADDED, label
            if label in patterns and sign in {"=", "!="}:
                assert re.fullmatch(patterns[label], value), value


def test_every_metric_is_on_the_dashboard():
    """What nobody looks at is not worth counting."""
    assert {metric.name for query in QUERIES for metric, _ in asked(query) if metric} == set(METRICS)


def test_dashboard_can_be_imported_anywhere():
    """It belongs to no installation: no id, a fixed uid, and the data source is a variable in every panel and query."""
    assert (DASHBOARD["id"], DASHBOARD["uid"]) == (None, "acmedns")
    assert {requirement["id"] for requirement in DASHBOARD["__requires"]} >= {panel["type"] for panel in PANELS}
    variable = {"type": "prometheus", "uid": "${datasource}"}
    assert all(one["datasource"] == variable for panel in PANELS for one in (panel, *panel["targets"]))
    assert all('job="$job", instance=~"$instance"' in target["expr"] for panel in PANELS for target in panel["targets"])


def test_panels_lie_beside_each_other():
    """Each has an id of its own and a place that no other has."""
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    places = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(places)) == len(places)
    assert all(x < 24 for x, _ in places)
