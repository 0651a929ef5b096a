"""The reverse proxy examples, run as they are but for ports and files, in front of the real server."""

import http.client
import json
import socket
import ssl
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import trustme

from acmedns_py.config.environment import variable
from tests.lab.namespace import until
from tests.server import Server, free_port, value
from tests.tools import peers

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CADDYFILE = DEPLOY / "caddy" / "Caddyfile"
NGINX = DEPLOY / "nginx" / "acmedns.conf"
CLIENT = "127.0.0.9"
STRANGER = "127.0.0.10"

Connect = Callable[[str], http.client.HTTPConnection]
"""Makes a connection to the proxy from one of this host's addresses."""


def our_options(example: Path) -> dict[str, str]:
    """What the example's comment tells to configure, but for the port, as environment variables."""
    snippet = "\n".join(line[4:] for line in example.read_text().splitlines() if line.startswith("#   "))
    options = tomllib.loads(snippet)["api"]
    assert options.pop("listen") == ["127.0.0.1:8080"]
    return {variable(f"api.{key}"): json.dumps(setting) for key, setting in options.items()}


def replaced(text: str, *changes: tuple[str, str]) -> str:
    """The text with changes that must each find their place."""
    for before, after in changes:
        assert before in text, f"{before} is not in the example"
        text = text.replace(before, after)
    return text


@contextmanager
def running(*command: str | Path, port: int, folder: Path) -> Iterator[None]:
    """Run a proxy until the end of the block; entered when it accepts connections."""
    log = folder / "proxy.log"
    with log.open("wb") as output:
        proxy = subprocess.Popen(
            [*map(str, command)],
            cwd=folder,
            env={"HOME": str(folder), "PATH": "/usr/bin"},
            stdout=output,
            stderr=output,
        )
    try:
        until(lambda: accepts(port) or proxy.poll() is not None, seconds=20, what="the proxy to listen")
        assert proxy.poll() is None, log.read_text()
        yield
    finally:
        proxy.terminate()
        proxy.wait(timeout=20)


def accepts(port: int) -> bool:
    """Whether something listens."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def caddy(make_server: Callable[..., Server], tmp_path: Path) -> Iterator[Connect]:
    """Our server behind Caddy, without HTTPS."""
    program = peers.need("caddy")
    server = make_server().start(environ=our_options(CADDYFILE))
    port = free_port()
    config = tmp_path / "Caddyfile"
    example = replaced(
        CADDYFILE.read_text(),
        ("auth.example.org {", f"http://127.0.0.1:{port} {{"),
        ("reverse_proxy 127.0.0.1:8080", f"reverse_proxy 127.0.0.1:{server.api[1]}"),
    )
    config.write_text("{\n\tadmin off\n}\n" + example)
    with running(program, "run", "--config", config, "--adapter", "caddyfile", port=port, folder=tmp_path):
        yield lambda source: http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))


@pytest.fixture
def nginx(make_server: Callable[..., Server], tmp_path: Path) -> Iterator[Connect]:
    """Our server behind nginx."""
    program = peers.need("nginx")
    server = make_server().start(environ=our_options(NGINX))
    port = free_port()
    authority = trustme.CA()
    certificate = authority.issue_cert("auth.example.org")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    example = replaced(
        NGINX.read_text(),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("listen [::]:443 ssl;", f"listen [::1]:{port} ssl;"),
        ("/etc/letsencrypt/live/auth.example.org/fullchain.pem", str(tmp_path / "chain.pem")),
        ("/etc/letsencrypt/live/auth.example.org/privkey.pem", str(tmp_path / "key.pem")),
        ("http://127.0.0.1:8080", server.api_url),
    )
    (tmp_path / "acmedns.conf").write_text(example)
    paths = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr; user root; worker_processes 1; events {{}}\n"
        f"http {{ access_log off; {paths} include acmedns.conf; }}\n"
    )
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    def connect(source: str) -> http.client.HTTPConnection:
        connection = http.client.HTTPSConnection(
            "auth.example.org", port, timeout=30, source_address=(source, 0), context=trust
        )
        # The name is for the certificate; the test's zone is nobody's business outside.
        connection._create_connection = lambda _, *rest: socket.create_connection(("127.0.0.1", port), *rest)  # type: ignore[attr-defined]
        return connection

    with running(program, "-p", tmp_path, "-c", tmp_path / "nginx.conf", port=port, folder=tmp_path):
        yield connect


@pytest.fixture(params=["caddy", "nginx"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """A way to the API through each proxy."""
    through: Connect = request.getfixturevalue(request.param)
    return through


def post(connection: http.client.HTTPConnection, path: str, document: object, **headers: str) -> tuple[int, bytes]:
    """Post JSON and give status and body."""
    with closing(connection):
        named = {key.replace("_", "-"): text for key, text in headers.items()}
        connection.request("POST", path, json.dumps(document), named)
        response = connection.getresponse()
        return response.status, response.read()


def test_allowfrom_sees_the_client_behind_the_proxy(connect: Connect):
    """The client's own address is judged; another client is refused, also when it claims to be the first one."""
    status, body = post(connect(CLIENT), "/register", {"allowfrom": [f"{CLIENT}/32"]})
    assert status == 201, body
    account = json.loads(body)
    login = {"X_Api_User": account["username"], "X_Api_Key": account["password"]}
    update = {"subdomain": account["subdomain"], "txt": value(1)}
    assert post(connect(CLIENT), "/update", update, **login)[0] == 200
    assert post(connect(STRANGER), "/update", update, **login)[0] == 401
    assert post(connect(STRANGER), "/update", update, X_Forwarded_For=CLIENT, **login)[0] == 401
    assert post(connect(CLIENT), "//update", update, **login)[0] == 200, (
        "a base URL that ends in a slash gives this path"
    )


def test_caddy_takes_the_example_as_it_is(tmp_path: Path):
    """Unchanged, with its HTTPS, and in Caddy's own form of writing."""
    program, environment = peers.need("caddy"), {"HOME": str(tmp_path)}
    validated = subprocess.run(
        [program, "validate", "--config", CADDYFILE, "--adapter", "caddyfile"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert validated.returncode == 0, validated.stderr
    formatted = subprocess.run([program, "fmt", CADDYFILE], env=environment, capture_output=True, text=True, check=True)
    assert formatted.stdout == CADDYFILE.read_text()
