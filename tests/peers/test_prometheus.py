"""Prometheus's own tool reads what the server exposes, and holds the alerts against what they are for."""

import http.client
import json
import subprocess

import yaml

from tests.project.documents import ROOT
from tests.server import free_port
from tests.tools import peers

RULES = ROOT / "deploy/prometheus/rules.yml"
RULES_TEST = ROOT / "tests/peers/rules_test.yml"


def promtool(*arguments, given=None):
    """Run it; fails with all that it says."""
    done = subprocess.run(
        [peers.need("promtool"), *arguments], input=given, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_finds_no_fault_with_the_metrics(make_server):
    """Syntax, names, helps and units, as its linter wants them."""
    port = free_port()
    make_server(config=f'[metrics]\nlisten = ["127.0.0.1:{port}"]').start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    promtool("check", "metrics", given=text)


def test_alerts_fire_when_they_should_and_not_before():
    """Each with numbers as they would come in."""
    promtool("check", "rules", RULES)
    promtool("test", "rules", RULES_TEST)


def test_every_alert_is_tested_and_says_what_to_do():
    """None goes untested because nobody thought of it."""
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    samples = RULES_TEST.read_text()
    for rule in rules:
        fired = f'exp_samples: [{{labels: \'ALERTS{{alertname="{rule["alert"]}", alertstate="firing"'
        assert fired in samples, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning", "none"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_queries_of_the_dashboard_can_be_read(tmp_path):
    """Each as the expression of a rule, with its variables filled in."""
    dashboard = json.loads((ROOT / "deploy/grafana/acmedns.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(queries) > 40
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, query in enumerate(queries)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", file)
