"""Which addresses of a host are proposed, and what is said of those that not everybody reaches."""

import ipaddress
import json

import pytest

from acmedns_py.setup.addresses import remarks
from tests.lab.namespace import Namespace
from tests.tools import peers

PROGRAM = """
import json, sys
from acmedns_py.setup.addresses import private_addresses, public_addresses
print(json.dumps([[str(a) for a in found] for found in (public_addresses(), private_addresses())]))
"""


def test_public_ones_that_stay_are_proposed(tmp_path):
    """Not those that pass (RFC 8981), nor of providers' own networks and of private ones; loopback is nowhere."""
    for program in ("ip", "nsenter", "setpriv", "unshare"):
        peers.need(program)
    import sys

    here = ("45.33.8.1", "2600:3c00::1", "10.1.2.3", "100.64.0.7", "fd00::1")
    with Namespace(tmp_path, addresses=here, resolver="127.0.0.1") as namespace:
        passing = ("2600:3c00::dead", "preferred_lft", "0", "valid_lft", "600", "dev", "lo", "nodad")
        namespace.run("ip", "addr", "add", *passing)
        public, private = json.loads(namespace.run(sys.executable, "-c", PROGRAM).stdout)
    assert public == ["45.33.8.1", "2600:3c00::1"]
    assert private == ["10.1.2.3", "100.64.0.7", "fd00::1"]


@pytest.mark.parametrize(
    ("address", "said"),
    [("45.33.8.1", None), ("100.64.0.7", "CGNAT"), ("192.168.1.2", "no public address"), ("fd00::1", "no public address")],
)  # fmt: skip
def test_what_not_everybody_reaches_is_told(address, said):
    found = remarks([ipaddress.ip_address(address)])
    assert [said in line for line in found] == ([True] if said else [])
