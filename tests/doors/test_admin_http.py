"""/admin/v1 by HTTP against the running server: on the API's addresses, or on those of `admin.listen` alone."""

import json
import os
import signal
import socket
import subprocess

import pytest
import requests
import trustme

from tests.ask import ask, rcode, values
from tests.doors.test_start_failures import configured
from tests.server import ACMEDNS, free_port, value


def told(server, *words):
    """What a command prints that goes well."""
    done = server.acmedns(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def asked(base, method, path, token, document=None, *, trust=None):
    """Ask a route; gives the status and the document. `trust` is a file of certificates."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    reply = requests.request(method, base + path, json=document, headers=headers, verify=trust or True, timeout=60)
    return reply.status_code, reply.json()


def test_a_program_does_what_an_operator_does(server):
    """Switched on, served by every worker, audited, and over at the revocation; the server runs all the time."""
    base = server.api_url
    assert asked(base, "GET", "/admin/v1/stats", None) == asked(base, "GET", "/nothing", None)
    token = told(server, "token", "new", "portal", "--scope", "write")
    status, made = asked(base, "POST", "/admin/v1/accounts", token, {"subdomain": "by-http", "label": "portal's"})
    assert status == 201
    assert rcode(ask(server.dns, made["fulldomain"])) == "NOERROR"
    place = f"/admin/v1/accounts/{made['fulldomain']}"
    assert asked(base, "POST", f"{place}/values", token, {"txt": value(1)})[0] == 200
    assert values(ask(server.dns, made["fulldomain"])) == {value(1)}
    rotated = asked(base, "POST", f"{place}/password", token)[1]
    assert server.update(made, value(2)).status == 401
    assert server.update(rotated, value(2)).status == 200
    assert asked(base, "DELETE", place, token) == (200, {"deleted": made["fulldomain"]})
    assert rcode(ask(server.dns, made["fulldomain"])) == "NXDOMAIN"
    entries = [json.loads(line) for line in told(server, "audit", "--json").splitlines()]
    assert [(one["actor"], one["action"]) for one in entries if one["source"] == "127.0.0.1"] == [
        ("token:portal", action) for action in ("account_created", "value_set", "password_rotated", "account_deleted")
    ]
    told(server, "token", "revoke", "portal")
    assert asked(base, "GET", "/admin/v1/stats", token)[0] == 401
    log = server.log.read_text()
    assert [secret for secret in (token, made["password"], rotated["password"], value(1)) if secret in log] == []


def test_admin_listen_takes_the_routes_from_the_api_s_addresses(make_server, tmp_path):
    """They are there alone, nothing else is there, and the certificate is the API's, also after a reload."""
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "pair.pem")
    port = free_port()
    tls = f'tls = "cert"\ntls_certificate = "{tmp_path}/pair.pem"\ntls_key = "{tmp_path}/pair.pem"'
    server = make_server(config=f'[admin]\nsocket = "{tmp_path}/admin.sock"\nlisten = ["127.0.0.1:{port}"]')
    server.config.write_text(server.config.read_text().replace("[api]\n", f"[api]\n{tls}\n"))
    server.start()
    token = told(server, "token", "new", "portal", "--scope", "read")
    trust = str(tmp_path / "authority.pem")
    authority.cert_pem.write_to_path(trust)
    operators, api = f"https://localhost:{port}", f"https://localhost:{server.api[1]}"
    assert asked(operators, "GET", "/admin/v1/stats", token, trust=trust)[0] == 200
    assert asked(operators, "GET", "/admin/v1/stats", None, trust=trust)[0] == 401
    assert asked(api, "GET", "/admin/v1/stats", token, trust=trust) == (404, {"error": "not_found"})
    for method, path in (("POST", "/register"), ("POST", "/update"), ("GET", "/health/ready"), ("GET", "/account")):
        assert asked(operators, method, path, token, trust=trust) == (404, {"error": "not_found"})
    _status, document = asked(api, "GET", "/openapi.json", None, trust=trust)
    assert not [path for path in document["paths"] if path.startswith("/admin")]
    _status, document = asked(operators, "GET", "/openapi.json", None, trust=trust)
    assert {path for path in document["paths"] if not path.startswith("/admin/")} == {"/openapi.json"}
    assert "/admin/v1/stats" in document["paths"]
    other = trustme.CA()
    other.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "pair.pem")
    os.kill(server.process.pid, signal.SIGHUP)
    server.wait_for_log('"event": "reloaded"')
    other.cert_pem.write_to_path(trust)
    for base, status in ((operators, 200), (api, 404)):
        assert asked(base, "GET", "/admin/v1/stats", token, trust=trust)[0] == status
    assert server.stop() == 0


def test_an_address_of_admin_listen_that_is_taken_ends_the_start(tmp_path):
    """In one line, as for any other."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        config = configured(tmp_path, rest=f'[admin]\nlisten = ["127.0.0.1:{port}"]')
        done = subprocess.run([ACMEDNS, "serve", "-c", config], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done
    assert f"cannot listen on 127.0.0.1:{port} (API, TCP): the port is taken by" in done.stderr


@pytest.mark.parametrize("listen", ["8081", "localhost:8081", "127.0.0.1", "127.0.0.1:0"])
def test_what_is_no_address_is_told(tmp_path, listen):
    """By the option's name."""
    config = configured(tmp_path, rest=f'[admin]\nlisten = ["{listen}"]')
    done = subprocess.run([ACMEDNS, "config", "check", "-c", config], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "admin.listen" in done.stdout + done.stderr
