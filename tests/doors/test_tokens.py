"""Registration tokens as clients have them: in the base URL, against the running server, into DNS."""

import dataclasses
import json
import subprocess

import pytest

from tests.ask import ask, rcode, values
from tests.command import command
from tests.doors.test_clients import CLIENTS, account_of, fresh_network, parsed, send, txt, update
from tests.server import Server
from tests.tools import peers

GO_CLIENTS = ["goacmedns-0.1", "goacmedns-0.2"]


def acmedns(server, *words: str) -> str:
    """Run a command of the operator; gives what it prints."""
    done = command(server, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that demands tokens, and one that lets its holder choose labels."""
    folder = tmp_path_factory.mktemp("guarded")
    server = Server(folder, database_url=f"sqlite:///{folder}/acmedns.db")
    server.config.write_text(server.config.read_text().replace("[api]\n", '[api]\nregistration = "token"\n'))
    server.start()
    token = acmedns(server, "token", "new", "fleet", "--labels", "*")
    yield server, token
    server.close()
    assert token not in server.log.read_text()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_client_registers_and_updates_behind_a_prefix(guarded, client):
    """What it would send to the bare URL, `/TOKEN` in front; with a final slash that is `/TOKEN//update` (clients #4)."""
    server, token = guarded
    prefixed = dataclasses.replace(client, base=f"/{token}{client.base}")
    if client.register is ...:
        account = parsed(send(server, f"/{token}/register", None, {}, source=fresh_network()))
    else:
        account = account_of(server, prefixed)
    headers = {"X-Api-User": account["username"], "X-Api-Key": account["password"], **client.update_headers}
    reply = send(server, f"{prefixed.base}/update", client.update(account, txt(1)), headers, source=fresh_network())
    assert client.updated(reply) if client.updated else f'"{txt(1)}"' in reply.body, reply
    assert update(server, client, account, txt(2)).status == 200
    assert values(ask(server.dns, account["fulldomain"])) == {txt(1), txt(2)}


@pytest.mark.parametrize("name", GO_CLIENTS)
@pytest.mark.parametrize("base", ["http://{}/{}", "http://{}/{}/", "http://lego:{1}@{0}"])
def test_go_client_takes_a_token_in_its_base_url(guarded, name, base):
    """The clients inside lego, Traefik and cert-manager, as they are: prefix, final slash, userinfo."""
    program = peers.need(name)
    server, token = guarded
    url = base.format(f"{server.api[0]}:{server.api[1]}", token)
    account = subprocess.run([program, "register", url], capture_output=True, check=True).stdout
    fulldomain = {key.lower(): text for key, text in json.loads(account).items()}["fulldomain"]
    subprocess.run([program, "update", url, txt(3)], input=account, capture_output=True, check=True)
    assert values(ask(server.dns, fulldomain)) == {txt(3)}


@pytest.mark.parametrize("name", GO_CLIENTS)
def test_go_client_without_a_token_shows_why_it_failed(guarded, name):
    """Status and text come through to its user."""
    program = peers.need(name)
    failed = subprocess.run([program, "register", guarded[0].api_url], capture_output=True, text=True, check=False)
    assert failed.returncode != 0
    assert "a registration token is needed" in failed.stdout + failed.stderr


def test_chosen_name_is_served_and_reserved_ones_are_not_shadowed(guarded):
    """From the 201 on the label answers; static names, names above others and nameservers stay what they are."""
    server, token = guarded
    assert rcode(ask(server.dns, f"web-1.{server.zone}")) == "NXDOMAIN"
    reply = send(server, f"/{token}/register", '{"subdomain":"Web-1"}', {}, source=fresh_network())
    account = parsed(reply)
    assert (reply.status, account["fulldomain"]) == (201, f"web-1.{server.zone}")
    assert rcode(ask(server.dns, account["fulldomain"])) == "NOERROR"
    assert update(server, CLIENTS[0], account, txt(4)).status == 200
    assert values(ask(server.dns, account["fulldomain"])) == {txt(4)}
    for label in ("www", "b", "alias", "wild"):
        reply = send(server, f"/{token}/register", json.dumps({"subdomain": label}), {}, source=fresh_network())
        assert (reply.status, json.loads(reply.body)) == (400, {"error": "subdomain_taken"})


@pytest.mark.parametrize("running", [True, False], ids=["beside the server", "without a server"])
def test_token_is_made_and_ended_by_command_and_its_hosts_go_on(guarded, running):
    """Good and refused at once in the running server; what was registered by it updates by its old base URL."""
    server, kept = guarded
    name = f"short-{running}"

    def commanded(*words):
        if not running:
            server.stop()
        done = acmedns(server, *words)
        if not running:
            server.start()
        return done

    token = commanded("token", "new", name, "--uses", "2")
    account = parsed(send(server, f"/{token}//register", "null\n", {}, source=fresh_network()))
    commanded("token", "revoke", name)
    assert send(server, f"/{token}/register", "", {}, source=fresh_network()).status == 401
    headers = {"X-Api-User": account["username"], "X-Api-Key": account["password"]}
    reply = send(server, f"/{token}//update", CLIENTS[0].update(account, txt(5)), headers, source=fresh_network())
    assert reply.status == 200
    assert values(ask(server.dns, account["fulldomain"])) == {txt(5)}
    assert send(server, f"/{kept}/register", "", {}, source=fresh_network()).status == 201
    told = {one["name"]: one for one in map(json.loads, acmedns(server, "token", "list", "--json").splitlines())}
    assert (told[name]["state"], told[name]["accounts"], told[name]["uses_left"]) == ("revoked", 1, 1)
    assert token not in server.log.read_text()
