"""Prometheus's own tool reads what the server exposes, and holds the alerts against what they are for."""

import http.client
import json
import subprocess
import time
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

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


def answered(port, path, enough, *, seconds=60):
    """Ask Prometheus until what it says is enough; it begins to answer, and to scrape, some time after its start."""
    deadline = time.monotonic() + seconds
    said = None
    while time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=10) as answer:
                said = json.load(answer)["data"]
                if found := enough(said):
                    return found
        except URLError as error:
            said = error
        time.sleep(0.1)
    raise AssertionError(f"{path}: {said}")


def firing(said):
    """The alerts that are not merely on their way: before the first scrape there is no target."""
    return [alert["labels"]["alertname"] for alert in said["alerts"] if alert["state"] == "firing"]


def test_prometheus_scrapes_and_loads_the_alerts(make_server, tmp_path):
    """In the form that it asks for itself; the dashboard's first query has an answer."""
    port, own = free_port(), free_port()
    server = make_server(config=f'[metrics]\nlisten = ["127.0.0.1:{port}"]').start()
    server.register()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "acmedns", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
    }
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [
                peers.need("prometheus"),
                f"--config.file={file}",
                f"--storage.tsdb.path={tmp_path}/data",
                f"--web.listen-address=127.0.0.1:{own}",
            ],
            stdout=log,
            stderr=log,
        ) as prometheus,
    ):
        try:
            accounts = answered(own, f"query?query={quote('acmedns_accounts')}", lambda said: said["result"])
            (target,) = answered(own, "targets", lambda said: said["activeTargets"])
            alerts = answered(own, "alerts", firing)
        finally:
            prometheus.kill()
    assert accounts[0]["value"][1] == "1"
    assert (target["health"], target["lastError"]) == ("up", "")
    assert alerts == ["AcmednsWatchdog"]


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
