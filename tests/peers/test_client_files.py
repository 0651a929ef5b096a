"""Files that `acmedns account new` writes, read by the clients' own libraries, which then update through them."""

import json
import subprocess

import pytest

from tests.ask import ask, values
from tests.server import value
from tests.tools import peers

PYACMEDNS = """
import sys
from pyacmedns import Client, Storage
url, path, txt = sys.argv[1:]
Client(url).update_txt_record(Storage(path).fetch("example.org"), txt)
"""


@pytest.fixture
def server(make_server):
    """A running server."""
    return make_server().start()


@pytest.mark.parametrize("version", ["0.1", "0.2"])
def test_go_s_library_updates_by_the_map(server, version):
    """The one in lego, Traefik, cert-manager and acme-dns-client, old and new."""
    program = peers.need(f"goacmedns-{version}")
    made = server.acmedns(
        "account", "new", "--format", "lego", "--url", server.api_url, "-o", "map.json", "example.org"
    )
    assert made.returncode == 0, made.stderr
    entry = json.loads((server.folder / "map.json").read_text())["example.org"]
    done = subprocess.run(
        [program, "update", entry["server_url"], value(1)], input=json.dumps(entry), text=True, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert values(ask(server.dns, entry["fulldomain"])) == {value(1)}


def test_certbot_s_library_reads_its_registration_file(server):
    """The storage of pyacmedns, which the plugin and the hook share."""
    python = peers.clients_environment() / "bin" / "python"
    if not python.exists():
        peers.missing("the Python clients are not installed")
    made = server.acmedns("account", "new", "--format", "certbot", "-o", "map.json", "*.example.org", "example.net")
    assert made.returncode == 0, made.stderr
    entry = json.loads((server.folder / "map.json").read_text())["example.org"]
    done = subprocess.run(
        [python, "-c", PYACMEDNS, server.api_url, server.folder / "map.json", value(2)],
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert values(ask(server.dns, entry["fulldomain"])) == {value(2)}
