"""/metrics of the running server, read by Prometheus's own parsers and held against the table of metrics."""

import http.client
import json
import os
import re
import signal
import socket
import time

import dns.message
import pytest
import trustme
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from acmedns_py.api.openapi import document
from acmedns_py.config.load import load
from acmedns_py.metrics import METRICS, TABLE, Kind
from acmedns_py.service.door import NotDone, open_server
from tests.ask import ask, from_every_worker
from tests.doors.test_check import DEAD_ROOT
from tests.faults.test_workers import wait_for_workers
from tests.server import Reply, free_port, value

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
ONLY_WITH = ("acmedns_api_certificate_", "acmedns_backup_")
"""Metrics that are there with TLS, or with scheduled backups, alone."""


class Reader:
    """Reads one server's metrics as Prometheus does."""

    def __init__(self, make_server, config="", **options):
        self.port = free_port()
        self.server = make_server(config=f'[metrics]\nlisten = ["127.0.0.1:{self.port}"]\n{config}', **options)

    def request(self, method="GET", path="/metrics", *, accept=""):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, headers={"Accept": accept})
        response = connection.getresponse()
        reply = Reply(response.status, response.headers, response.read())
        connection.close()
        return reply

    def families(self):
        return list(parse_text(self.request().body.decode()))

    def samples(self):
        """Give every number by name and labels."""
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families()
            for sample in family.samples
        }

    def number(self, name, **labels):
        """Add up the samples of that name which have these labels."""
        wanted = labels.items()
        return sum(number for (one, has), number in self.samples().items() if one == name and wanted <= set(has))

    def reaches(self, enough, seconds=20):
        """Read until `enough(samples)`: workers report twice a second."""
        deadline = time.monotonic() + seconds
        while not enough():
            assert time.monotonic() < deadline, self.request().body.decode()
            time.sleep(0.05)


@pytest.fixture
def reader(make_server, tmp_path):
    """A running server with plain HTTP."""
    hints = tmp_path / "hints"
    hints.write_text(DEAD_ROOT)
    made = Reader(make_server, f'[check]\nevery = "off"\nroot_hints = "{hints}"\n')
    made.server.start()
    return made


def shape(family):
    """The name in the table, the kind and the help of a family as a parser gives it."""
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return name, family.type, family.documentation


def used(reader):
    """Have every kind of thing happen once."""
    account = reader.server.register()
    assert reader.server.update(account, value(1)).status == 200
    assert reader.server.update({**account, "password": "x" * 40}, value(1)).status == 401
    assert reader.server.request("GET", f"/{'x' * 50}").status == 404
    from_every_worker(reader.server.dns, account["fulldomain"])
    return account


def checked(reader):
    """Have the server check at once, where it finds no name server."""
    with open_server(load(reader.server.config, {}).settings) as asked:
        assert asked.ask("POST", "/admin/v1/check")["begun"]
    return reader.server.wait_for_log('"check_done"', seconds=60)


def test_what_is_exposed_is_the_table(make_server, tmp_path):
    """Names, kinds, helps, labels and their values, both directions, with all parts there are."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    backup = f'[backup]\nevery = "1d"\ndirectory = "{tmp_path}/backups"\n'
    hints = tmp_path / "hints"
    hints.write_text(DEAD_ROOT)
    reader = Reader(make_server, f'{backup}[check]\nevery = "1h"\nroot_hints = "{hints}"\n')
    config = reader.server.config
    tls = f'[api]\ntls = "cert"\ntls_certificate = "{tmp_path}/cert.pem"\ntls_key = "{tmp_path}/key.pem"'
    config.write_text(config.read_text().replace("[api]", tls))
    reader.server.start()
    reader.server.wait_for_log("backup_made")
    checked(reader)
    found = {name: family for family in reader.families() for name in [shape(family)[0]]}
    own_ca_only = {"acmedns_api_certificate_issued", "acmedns_api_certificate_failures"}
    assert set(found) == set(METRICS) - own_ca_only
    for metric in TABLE:
        if metric.name in own_ca_only:
            continue
        assert shape(found[metric.name]) == (metric.name, metric.kind.value, metric.help)
    left = reader.number("acmedns_api_certificate_left_seconds")
    assert reader.number("acmedns_check_every_seconds") == 3600
    assert left == pytest.approx(
        reader.number("acmedns_api_certificate_not_after_timestamp_seconds") - time.time(), abs=60
    )


def test_labels_are_those_of_the_table_and_their_values_are_bounded(reader):
    """Whatever strangers ask for."""
    used(reader)
    checked(reader)
    for family in reader.families():
        metric = METRICS[shape(family)[0]]
        patterns = {label.name: label.pattern for label in metric.labels}
        for sample in family.samples:
            labels = {key: text for key, text in sample.labels.items() if (metric.kind, key) != (Kind.HISTOGRAM, "le")}
            assert labels.keys() == patterns.keys(), sample
            assert all(re.fullmatch(patterns[key], text) for key, text in labels.items()), sample


def test_routes_are_patterns_and_never_paths(reader):
    """A thousand odd paths are one label value."""
    for path in (
        "/%00",
        "/register/x",
        "/storage/example.org",
        "/admin/v1/accounts/me",
        "/UPDATE",
        "/update?x=1",
        "//health",
    ):
        reader.server.request("GET", path)
    routes = {dict(labels)["route"] for (name, labels) in reader.samples() if name == "acmedns_api_requests_total"}
    assert routes <= {*document(registration_open=True, admin=False)["paths"], "none"}
    assert {"none", "/storage/{domain}", "/update", "/health"} <= routes


@pytest.mark.parametrize(
    ("accept", "media_type", "parse"),
    [
        ("", "text/plain", parse_text),
        ("text/plain;version=0.0.4", "text/plain", parse_text),
        (OPENMETRICS, "application/openmetrics-text", parse_openmetrics),
    ],
)
def test_form_is_the_one_that_is_asked_for(reader, accept, media_type, parse):
    """Text, or OpenMetrics."""
    reply = reader.request(accept=accept)
    assert (reply.status, reply.headers.get_content_type()) == (200, media_type)
    assert {shape(family)[0] for family in parse(reply.body.decode())} >= {
        "acmedns_ready",
        "acmedns_dns_responses_total",
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/metrics", 200),
        ("POST", "/metrics", 405),
        ("GET", "/", 404),
        ("GET", "/health", 404),
        ("GET", "/update", 404),
    ],
)
def test_nothing_else_is_there(reader, method, path, status):
    """Neither the API nor other methods."""
    assert reader.request(method, path).status == status


def test_metrics_are_on_no_listener_of_the_api(reader):
    """They would tell strangers how busy the server is."""
    assert reader.server.request("GET", "/metrics").status == 404


def test_what_happens_is_counted(reader):
    """Requests by route and status, hashes, commits, the account, the serial on every worker."""
    account = used(reader)
    assert reader.number("acmedns_api_requests_total", route="/update", status="200") == 1
    assert reader.number("acmedns_api_requests_total", route="/update", status="401") == 1
    assert reader.number("acmedns_api_requests_total", route="none", status="404") == 1
    assert reader.number("acmedns_api_request_seconds_count", route="/update") == 2
    assert reader.number("acmedns_hash_seconds_count") >= 2
    assert reader.number("acmedns_accounts") == 1
    assert reader.number("acmedns_store_commits_total") >= 2
    assert reader.number("acmedns_ready") == 1
    serial = reader.server.request("GET", "/health/ready").json["zone"]["serial"]
    assert reader.number("acmedns_zone_serial") == serial
    assert {number for (name, _), number in reader.samples().items() if name == "acmedns_worker_serial"} == {serial}
    assert reader.number("acmedns_workers", state="live") == 2
    assert reader.number("acmedns_feed_confirmation_seconds_count") >= 2
    assert account["fulldomain"] not in reader.request().body.decode()


def test_responses_are_counted_by_rcode_transport_and_worker(reader):
    """All that was asked, and the sample of latencies of what was asked first."""
    before = reader.number("acmedns_dns_responses_total", rcode="NXDOMAIN", transport="tcp")
    for _ in range(40):
        ask(reader.server.dns, f"nobody.{reader.server.zone}", tcp=True)
    reader.reaches(
        lambda: reader.number("acmedns_dns_responses_total", rcode="NXDOMAIN", transport="tcp") == before + 40
    )
    assert reader.number("acmedns_dns_latency_seconds_count", transport="tcp") > 0
    assert reader.number("acmedns_dns_latency_seconds_count", transport="udp") > 0
    assert reader.number("acmedns_dns_responses_total", worker="0") > 0
    assert reader.number("acmedns_dns_responses_total", worker="1") > 0


def test_a_worker_s_death_takes_no_count_back(reader):
    """What it has reported stays in the totals of its place, and its death is counted."""
    server = reader.server
    from_every_worker(server.dns, f"nobody.{server.zone}", times=20)
    reader.reaches(lambda: reader.number("acmedns_dns_responses_total", rcode="NXDOMAIN") == 40)
    before = reader.samples()
    pids = server.worker_pids()
    os.kill(pids[0], signal.SIGKILL)
    wait_for_workers(server, other_than=[pids[0]])
    after = reader.samples()
    counted = [key for key in before if key[0].startswith("acmedns_dns_") and key[0].endswith(("_total", "_count"))]
    assert len(counted) > 40
    assert [key for key in counted if after[key] < before[key]] == []
    assert reader.number("acmedns_worker_deaths_total", worker="0") == 1
    assert reader.number("acmedns_worker_deaths_total", worker="1") == 0


def test_too_many_wrong_passwords_are_counted(reader):
    """By what there were too many of."""
    account = reader.server.register()
    wrong = {**account, "password": "x" * 40}
    while reader.server.update(wrong, value(1)).status == 401:
        pass
    assert reader.number("acmedns_attempts_limited_total", limit="login_source") == 1
    assert reader.number("acmedns_api_requests_total", status="429") == 1


def test_requests_by_the_local_socket_are_counted_too(reader):
    """By the pattern of the route, as those of the API; what is no route, and what is refused, as well."""
    with open_server(load(reader.server.config, {}).settings) as asked:
        asked.ask("GET", "/admin/v1/stats")
        for path in ("/admin/v1/accounts/nobody", "/admin/v1/nothing/x", "/x?y"):
            with pytest.raises(NotDone):
                asked.ask("GET", path)
    for route, status in (("/stats", 200), ("/accounts/NAME", 404), ("", 404)):
        counted = reader.number("acmedns_api_requests_total", route=f"/admin/v1{route}", status=str(status))
        assert counted == reader.number("acmedns_api_request_seconds_count", route=f"/admin/v1{route}")
        assert counted == (1 if route else 2)


def test_questions_that_are_too_many_to_trace_are_counted(reader):
    """They are answered as all others are."""
    account = reader.server.register()
    assert reader.number("acmedns_dns_untraced_total") == 0
    asked = dns.message.make_query(account["fulldomain"], "TXT").to_wire()

    def too_many():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(5000):
                sock.sendto(asked, reader.server.dns)
        return reader.number("acmedns_dns_untraced_total") > 0

    reader.reaches(too_many)


def test_findings_of_the_check_are_counted_by_kind(reader):
    """As the report has them; before the first one there is neither a number nor a time."""
    assert [key for key in reader.samples() if "acmedns_check_" in key[0]] == [
        ("acmedns_check_every_seconds", frozenset())
    ]
    line = checked(reader)
    assert reader.number("acmedns_check_problems") == line["findings"]
    new = json.loads(next(one for one in reader.server.log.read_text().splitlines() if "check_finding_new" in one))
    assert reader.number("acmedns_check_problems", finding=new["finding"], severity=new["severity"]) >= 1
    assert time.time() - 60 < reader.number("acmedns_check_last_run_timestamp_seconds") <= time.time()
    assert reader.number("acmedns_check_duration_seconds") == pytest.approx(line["seconds"], abs=0.1)


def test_a_taken_port_ends_the_start_with_one_line(make_server, reader):
    """As for every other socket."""
    other = Reader(make_server)
    other.server.config.write_text(other.server.config.read_text().replace(f":{other.port}", f":{reader.port}"))
    done = other.server.acmedns("serve")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"127.0.0.1:{reader.port}" in line
    assert "metrics, TCP" in line


def test_a_certificate_that_is_to_come_from_a_ca_is_told_apart(make_server):
    """The one that stands in for it is no CA's, its renewal is due, and tries that failed are counted."""
    reader = Reader(make_server, '[certificate]\ndirectory = "https://127.0.0.1:9/directory"\n')
    config = reader.server.config
    config.write_text(config.read_text().replace("[api]", '[api]\ntls = "acme"'))
    reader.server.start()
    reader.reaches(lambda: reader.number("acmedns_api_certificate_failures") == 1)
    samples = {name: number for (name, labels), number in reader.samples().items() if not labels}
    assert samples["acmedns_api_certificate_issued"] == 0
    assert samples["acmedns_api_certificate_renewal_timestamp_seconds"] < time.time()
    assert samples["acmedns_api_certificate_left_seconds"] > 0
