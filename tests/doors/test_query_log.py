"""dns.log: queries in the log of the running server, by the rule of the moment."""

import json
import signal
import socket

import pytest

from tests.ask import ask
from tests.dns.packets import query
from tests.server import value


def logged(server, **facts):
    """Give the queries in the log that have these facts."""
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if '"dns_query"' in line]
    return [line for line in lines if facts.items() <= line.items()]


def with_rule(make_server, rule):
    """A server that is not started, with a rule."""
    server = make_server()
    server.config.write_text(server.config.read_text().replace("[dns]\n", f'[dns]\nlog = "{rule}"\n'))
    return server


def test_queries_for_names_below_the_zone_are_logged_with_who_asked(make_server):
    """Name and type as asked, source, transport, rcode and time; never a value. Foreign names and the apex are not."""
    server = with_rule(make_server, "names").start()
    account = server.register()
    server.update(account, value(1))
    ask(server.dns, server.zone)
    ask(server.dns, "www.example.net")
    ask(server.dns, f"_acme-challenge.nobody.{server.zone}")
    ask(server.dns, account["fulldomain"], tcp=True)
    server.wait_for_log('"dns_query"', "NXDOMAIN")
    line = server.wait_for_log('"dns_query"', "NOERROR")
    assert {(one["name"], one["rcode"]) for one in logged(server)} == {
        (f"{account['fulldomain']}.", "NOERROR"),
        (f"_acme-challenge.nobody.{server.zone}.", "NXDOMAIN"),
    }
    expected = {
        "level": "info",
        "name": f"{account['fulldomain']}.",
        "type": "TXT",
        "source": "127.0.0.1",
        "transport": "tcp",
        "rcode": "NOERROR",
    }
    assert expected.items() <= line.items()
    assert line["asked"] <= line["timestamp"]
    assert value(1) not in server.log.read_text()


def test_rule_changes_by_sighup(make_server):
    """Nothing is logged before; a replaced worker goes by the same rule."""
    server = make_server().start()
    ask(server.dns, "www.example.net")
    server.config.write_text(server.config.read_text().replace("[dns]\n", '[dns]\nlog = "errors"\n'))
    server.signal(signal.SIGHUP)
    server.wait_for_log('"reloaded"')
    ask(server.dns, "www.example.org")
    server.wait_for_log('"dns_query"')
    assert [(line["name"], line["rcode"]) for line in logged(server)] == [("www.example.org.", "REFUSED")]
    assert "reload_needs_restart" not in server.log.read_text()


def test_names_from_strangers_are_escaped(make_server):
    """A line stays a line, whatever octets are in a label."""
    server = with_rule(make_server, "1/1").start()
    octets = query("x.example.net").replace(b"\x01x", b'\x0da\n\x1b[31m"\\\xff.b ')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(octets, server.dns)
        sock.recv(4096)
    line = server.wait_for_log('"dns_query"', "example.net.")
    assert line["name"] == r"a\010\027[31m\"\\\255\.b\032.example.net."


def test_a_flood_is_counted_and_holds_nobody_up(make_server):
    """So many are logged, the others are told as a number, and answers come."""
    server = with_rule(make_server, "1/1").start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.connect(server.dns)
        for _ in range(2000):
            sock.send(query("www.example.net"))
            sock.recv(4096)
    assert server.wait_for_log("dns_queries_unlogged")["queries"] > 0
    assert len(logged(server)) < 2000


@pytest.mark.parametrize("rule", ["on", "1/0", "2/3", "1/x", ""])
def test_a_rule_that_is_none_is_named(make_server, rule):
    """With those that there are."""
    done = with_rule(make_server, rule).acmedns("config", "check")
    assert done.returncode == 1
    assert "dns.log" in done.stderr + done.stdout
    assert "1/100" in done.stderr + done.stdout
