"""Every known client against the running server: its own octets in, its own judgement of what comes back.

One row a client. A row is what that client's source sends (spellings, types, slashes and odd headers included) and
the test that it puts to the answer: exact statuses, a grep for the quoted value, sed. Afterwards the value must be in
DNS, since most clients look at once or never (clients #15). Clients that never register are given an account.
"""

import http.client
import itertools
import json
import re
import socket
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import dns.flags
import dns.message
import dns.query
import pytest

from tests.ask import ask, rcode, values

SECONDS = 30


@dataclass(frozen=True)
class Reply:
    """What a client sees of an answer."""

    status: int
    body: str


def exactly(status: int) -> Callable[[Reply], bool]:
    """The judgement of clients that compare with one number."""
    return lambda reply: reply.status == status


IS_200 = exactly(200)
IS_201 = exactly(201)


def any_2xx(reply: Reply) -> bool:
    """The judgement of newer Go clients and of PowerShell."""
    return 200 <= reply.status < 300


def parsed(reply: Reply) -> dict[str, Any]:
    """The account as a JSON parser finds it."""
    account: dict[str, Any] = json.loads(reply.body)
    return account


def cut_by_sed(reply: Reply) -> dict[str, Any]:
    """The account as acme.sh cuts it: from lines that begin with a brace, all else of the line standing for the value."""
    account = {}
    for name in ("username", "password", "fulldomain", "subdomain"):
        found = re.compile(rf'^{{.*"{name}":[ ]*"([^"]*)".*}}', re.MULTILINE).subn(r"\1", reply.body)
        account[name] = found[0] if found[1] else ""
    return account


def plain(account: dict[str, Any], txt: str) -> str:
    """The body of most clients."""
    return json.dumps({"subdomain": account["subdomain"], "txt": txt})


def capital(account: dict[str, Any], txt: str) -> str:
    """Keys as Go writes a struct without tags."""
    return json.dumps({"SubDomain": account["subdomain"], "Txt": txt}, separators=(",", ":"))


def indented(account: dict[str, Any], txt: str) -> str:
    """JSON as .NET prints it."""
    return json.dumps({"subdomain": account["subdomain"], "txt": txt}, indent=2).replace("\n", "\r\n")


def first_label(account: dict[str, Any], txt: str) -> str:
    """For a client that keeps the full name only."""
    return json.dumps({"subdomain": account["fulldomain"].split(".")[0], "txt": txt})


JSON_TYPE = {"Content-Type": "application/json"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
TEXT_TYPE = {"Content-Type": "text/plain; charset=utf-8"}
BASIC = {"Authorization": "Basic " + b64encode(b"user:password").decode()}
URL_SAFE_BASIC = {"Authorization": "Basic " + urlsafe_b64encode(b"user>?:p\xc3\xbf").decode().rstrip("=")}
CONTINUE = {"Expect": "100-continue"}


@dataclass(frozen=True)
class Client:
    """One client; `register` is the body that it sends, None for none at all, `...` where it never registers."""

    name: str
    register: Any = ...
    register_headers: dict[str, str] = field(default_factory=dict)
    registered: Callable[[Reply], bool] = IS_201
    account: Callable[[Reply], dict[str, Any]] = parsed
    update: Callable[[dict[str, Any], str], str] = plain
    update_headers: dict[str, str] = field(default_factory=lambda: JSON_TYPE)
    updated: Callable[[Reply], bool] | None = IS_200
    base: str = ""


ALLOW = '{"allowfrom":["127.0.0.0/8"," 198.51.100.0/24"]}'

CLIENTS = [
    Client("lego 4.22 and later, Traefik, Terraform, certbot-dns-multi", "null\n", JSON_TYPE, any_2xx, updated=any_2xx),
    Client("lego 4.22 and later with an allow-list", ALLOW, JSON_TYPE, any_2xx, updated=any_2xx),
    Client("lego up to 4.21, acme-dns-client", "", JSON_TYPE, update=capital),
    Client("lego up to 4.21 with an allow-list", '{"AllowFrom":["127.0.0.0/8"]}', JSON_TYPE, update=capital),
    Client("go-acme-dns-manager", "{}", JSON_TYPE, updated=any_2xx),
    Client("cert-manager 1.19 and later", updated=any_2xx),
    Client("cert-manager up to 1.18", update=capital),
    Client("Caddy"),
    Client("Caddy with a final slash", base="/"),
    Client("acme.sh with curl", None, {}, lambda _: True, cut_by_sed, update_headers=FORM_TYPE, updated=None),
    Client("acme.sh with wget", "", FORM_TYPE, lambda _: True, cut_by_sed, update_headers=FORM_TYPE, updated=None),
    Client("acme.sh with a final slash", None, {}, lambda _: True, cut_by_sed, plain, FORM_TYPE, None, "/"),
    Client("OPNsense, Proxmox VE", update_headers=FORM_TYPE, updated=None),
    Client("certbot hook, pyacmedns, certbot-dns-acmedns", None),
    Client("certbot hook with an allow-list", '{"allowfrom": ["127.0.0.0/8"]}'),
    Client("Nginx Proxy Manager", base="/"),
    Client("acme-dns-client-2", "{}", {"Content-Type": "application/json; charset=utf8"}),
    Client("certbot-acme-dns", None, {}, any_2xx, updated=any_2xx),
    Client("sewer", None),
    Client(
        "simple-acme, win-acme",
        "",
        {**TEXT_TYPE, "Authorization": "Basic "},
        lambda _: True,
        update=indented,
        update_headers={**JSON_TYPE, "Authorization": "Basic "},
        updated=lambda _: True,
    ),
    Client(
        "Posh-ACME",
        "{}",
        {**JSON_TYPE, **BASIC, **CONTINUE},
        any_2xx,
        update_headers={**JSON_TYPE, **BASIC, **CONTINUE},
        updated=any_2xx,
    ),
    Client("Certify", ALLOW, {**TEXT_TYPE, **URL_SAFE_BASIC}, any_2xx, update_headers=TEXT_TYPE, updated=any_2xx),
    Client("Cert Warden", update=first_label),
    Client("dehydrated hook", update_headers=FORM_TYPE, updated=None),
    Client("acmetool hook", None, update_headers=FORM_TYPE),
    Client("getssl", update=indented),
]


def send(server, target: str, body: str | None, headers: dict[str, str], *, source: str = "127.0.0.1") -> Reply:
    """POST as given: nothing is added but the host, and the length where there is a body."""
    to = urlsplit(server.api_url)
    lines = [f"POST {target} HTTP/1.1", f"Host: {to.netloc}", *(f"{name}: {text}" for name, text in headers.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body.encode())}")
    with socket.create_connection((to.hostname, to.port), timeout=SECONDS, source_address=(source, 0)) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        if "Expect" in headers:
            assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall((body or "").encode())
        response = http.client.HTTPResponse(connection, method="POST")
        response.begin()
        return Reply(response.status, response.read().decode())


def update(server, client: Client, account: dict[str, Any], txt: str) -> Reply:
    """Update as this client does."""
    headers = {"X-Api-User": account["username"], "X-Api-Key": account["password"], **client.update_headers}
    # A host of its own for each client: the limit of failed logins counts by source.
    source = f"127.0.1.{CLIENTS.index(client) + 1}"
    return send(server, f"{client.base}/update", client.update(account, txt), headers, source=source)


NETWORKS = itertools.count()


def fresh_network() -> str:
    """An address in a /24 of its own: the limit of registrations counts by network."""
    number = next(NETWORKS)
    return f"127.{1 + number // 256}.{number % 256}.1"


def registered(server) -> dict[str, Any]:
    """An account, by nothing but the route."""
    return parsed(send(server, "/register", None, {}, source=fresh_network()))


def account_of(server, client: Client) -> dict[str, Any]:
    """Register as this client does, or as its operator by curl."""
    if client.register is ...:
        return registered(server)
    reply = send(server, f"{client.base}/register", client.register, client.register_headers, source=fresh_network())
    assert client.registered(reply), reply
    return client.account(reply)


def txt(number: int) -> str:
    """A value as ACME makes it."""
    return f"{number:0>43}"


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_client_registers_updates_and_finds_its_values(server, client):
    """Two values, as for base and wildcard, and a repeat of the second (clients #1 to #6, #9, #12, #15, #17)."""
    account = account_of(server, client)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", account[name]) for name in ("username", "password", "fulldomain"))
    for value in (txt(1), txt(2), txt(2)):
        reply = update(server, client, account, value)
        # Without a judgement of its own, a client looks for the value in double quotes and at nothing else.
        assert client.updated(reply) if client.updated else f'"{value}"' in reply.body, reply
        assert value in values(ask(server.dns, account["fulldomain"]))
    assert values(ask(server.dns, account["fulldomain"])) == {txt(1), txt(2)}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_client_with_a_wrong_password_gets_an_error_that_it_can_read(server, client):
    """JSON with a reason: certbot's hook parses each refusal, and a grep finds no quoted value (clients #7)."""
    account = account_of(server, client)
    assert update(server, client, account, txt(1)).status == 200
    reply = update(server, client, {**account, "password": "x" * 40}, txt(2))
    assert (reply.status, json.loads(reply.body)) == (401, {"error": "forbidden"})
    assert values(ask(server.dns, account["fulldomain"])) == {txt(1)}


def test_cert_warden_s_clean_up_leaves_live_values(server):
    """It sends `__VOID__` as the value, which acme-dns refuses as well (clients #11)."""
    client = next(client for client in CLIENTS if client.name == "Cert Warden")
    account = account_of(server, client)
    assert update(server, client, account, txt(1)).status == 200
    reply = update(server, client, account, "__VOID__")
    assert (reply.status, json.loads(reply.body)) == (400, {"error": "bad_txt"})
    assert values(ask(server.dns, account["fulldomain"])) == {txt(1)}


def test_caddy_s_parallel_orders_keep_both_values(server):
    """Two updates of one account at one instant (clients #10)."""
    client = next(client for client in CLIENTS if client.name == "Caddy")
    account = account_of(server, client)
    with ThreadPoolExecutor(2) as threads:
        replies = list(threads.map(lambda number: update(server, client, account, txt(number)), (1, 2)))
    assert [reply.status for reply in replies] == [200, 200]
    assert values(ask(server.dns, account["fulldomain"])) == {txt(1), txt(2)}


def test_hundred_values_of_one_account_are_in_dns(server):
    """acme.sh puts all names of a certificate into one account before any is validated (clients #10)."""
    client = next(client for client in CLIENTS if client.name == "acme.sh with curl")
    account = account_of(server, client)
    for number in range(100):
        assert f'"{txt(number)}"' in update(server, client, account, txt(number)).body
    assert values(ask(server.dns, account["fulldomain"], tcp=True)) == {txt(number) for number in range(100)}


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("payload", [None, 1232, 4096])
@pytest.mark.parametrize("recursion_desired", [False, True])
@pytest.mark.parametrize("qtype", ["TXT", "CNAME", "SOA", "NS", "A", "AAAA"])
def test_registered_name_exists_for_every_probe(server, qtype, recursion_desired, payload, tcp):
    """NODATA with the SOA, which may be kept for a minute at most; RD and EDNS as clients send them (clients #13)."""
    account = registered(server)
    query = dns.message.make_query(account["fulldomain"], qtype, use_edns=payload is not None, payload=payload)
    query.flags = query.flags | dns.flags.RD if recursion_desired else query.flags & ~dns.flags.RD
    exchange = dns.query.tcp if tcp else dns.query.udp
    response = exchange(query, server.dns[0], port=server.dns[1], timeout=SECONDS)
    assert rcode(response) == "NOERROR"
    assert not response.answer
    (soa,) = response.authority
    assert (soa.name.to_text(), soa.rdtype.name) == (f"{server.zone}.", "SOA")
    assert min(soa.ttl, soa[0].minimum) < 60


def test_apex_names_servers_that_have_addresses(server):
    """The walk that lego, cert-manager and simple-acme make before they ask for the value (clients #13)."""
    soa = ask(server.dns, server.zone, "SOA")
    assert [rrset.rdtype.name for rrset in soa.answer] == ["SOA"]
    ns = ask(server.dns, server.zone, "NS")
    (names,) = ns.answer
    assert names.rdtype.name == "NS"
    for each in names:
        if each.target.is_subdomain(names.name):
            assert ask(server.dns, each.target.to_text(), "A").answer


@pytest.mark.parametrize("qname", ["www.example.com", "example.com", "com", "."])
@pytest.mark.parametrize("qtype", ["TXT", "NS", "SOA", "A"])
def test_name_outside_the_zone_is_refused_and_not_silent(server, qname, qtype):
    """simple-acme asks for www.example.com and takes silence for a dead server (clients #14)."""
    for _ in range(3):
        assert rcode(ask(server.dns, qname, qtype)) == "REFUSED"
