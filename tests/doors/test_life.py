"""The life of `acmedns serve`: ready only when whole, reloaded without harm, stopped without loss."""

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import dns.edns
import pytest
import trustme

from tests.ask import ask, from_every_worker, rcode, serials, values
from tests.server import free_port, value

COOKIE = dns.edns.CookieOption(b"12345678", b"")


def option(response, name):
    """The option of that name in a response."""
    (found,) = [found for found in response.options if found.otype.name == name]
    return found


def test_ready_means_that_dns_and_api_answer(make_server):
    """At the moment of READY every worker has answered, and readiness says so."""
    server = make_server().start()
    ready = server.request("GET", "/health/ready")
    assert ready.status == 200
    assert ready.json["ready"] is True
    assert ready.json["database"]["reachable"] is True
    assert [worker["state"] for worker in ready.json["workers"]] == ["live", "live"]
    assert serials(from_every_worker(server.dns, server.zone, "SOA")) == {ready.json["zone"]["serial"]}
    assert {worker["applied"] for worker in ready.json["workers"]} == {ready.json["zone"]["serial"]}
    server.wait_for_log("ready", server.zone)


def test_health_is_empty_and_200(make_server):
    """acme-dns's own health route."""
    reply = make_server().start().request("GET", "/health")
    assert (reply.status, reply.body) == (200, b"")


def test_an_update_is_served_by_every_worker_at_its_200(make_server):
    """Promise 1 from outside: any port, both transports, the very next moment (dns-correctness #34)."""
    server = make_server().start()
    account = server.register()
    assert all(rcode(r) == "NOERROR" and not r.answer for r in from_every_worker(server.dns, account["fulldomain"]))
    for number in range(5):
        assert server.update(account, value(number)).status == 200
        for response in from_every_worker(server.dns, account["fulldomain"], times=6):
            assert value(number) in values(response)


def test_sigterm_ends_with_exit_code_0(make_server):
    """A clean stop, and no worker is left."""
    server = make_server().start()
    pids = server.worker_pids()
    assert server.stop() == 0
    assert not [pid for pid in pids if _exists(pid)]
    server.wait_for_log("stopped")


def test_sigterm_finishes_the_request_in_hand(make_server):
    """An update that waits for a paused worker still gets its answer."""
    server = make_server().start()
    account = server.register()
    os.kill(server.worker_pids()[0], signal.SIGSTOP)
    replies = []
    update = threading.Thread(target=lambda: replies.append(server.update(account, value(1))))
    update.start()
    server.wait_for_log("worker_died")
    assert server.stop() == 0
    update.join()
    assert [reply.status for reply in replies] == [200]


def test_restart_serves_what_was_acknowledged(make_server):
    """Kill -9 of the control process loses nothing that a client was told (dns-correctness #34)."""
    server = make_server().start()
    account = server.register()
    assert server.update(account, value(1)).status == 200
    server.kill()
    server.start()
    assert all(values(r) == {value(1)} for r in from_every_worker(server.dns, account["fulldomain"]))


def test_the_serial_grows_over_restarts_and_updates(make_server):
    """Secondaries and resolvers never see it go back (dns-correctness #35)."""
    server = make_server().start()
    before = serials([ask(server.dns, server.zone, "SOA")]).pop()
    server.update(server.register(), value(1))
    during = serials([ask(server.dns, server.zone, "SOA")]).pop()
    server.stop()
    server.start()
    after = serials([ask(server.dns, server.zone, "SOA")]).pop()
    assert before < during <= after


def test_sighup_takes_over_static_records(make_server):
    """A changed record is served without a restart, under a new serial (dns-correctness #75)."""
    server = make_server().start()
    before = serials([ask(server.dns, server.zone, "SOA")]).pop()
    server.config.write_text(server.config.read_text().replace("192.0.2.1", "192.0.2.99"))
    server.signal(signal.SIGHUP)
    server.wait_for_log("reloaded")
    answers = from_every_worker(server.dns, f"www.{server.zone}", "A")
    assert {rdata.address for r in answers for rrset in r.answer for rdata in rrset} == {"192.0.2.99"}
    assert serials([ask(server.dns, server.zone, "SOA")]).pop() > before


@pytest.mark.parametrize("wrong", ["[zone\n", '[zone]\nname = "auth.example.org"\naddresses = ["no"]\n'])
def test_sighup_with_a_wrong_file_changes_nothing(make_server, wrong):
    """What is served goes on, and the log says what is wrong."""
    server = make_server().start()
    good = server.config.read_text()
    server.config.write_text(wrong)
    server.signal(signal.SIGHUP)
    server.wait_for_log("reload_refused")
    assert ask(server.dns, f"www.{server.zone}", "A").answer
    server.config.write_text(good)
    server.signal(signal.SIGHUP)
    server.wait_for_log("reloaded")


def test_records_at_the_name_of_an_account_are_warned_of(make_server):
    """At the reload that brings them and at each start; the account goes first, records of other types are answered."""
    server = make_server().start()
    account = server.register()
    server.update(account, value(1))
    label = account["subdomain"]
    server.config.write_text(
        server.config.read_text().replace(
            "records = [", f'records = ["{label} TXT mine", "{label} A 192.0.2.7", "deep.{label} TXT below",'
        )
    )
    server.signal(signal.SIGHUP)
    told = server.wait_for_log("static_record_shadowed")
    assert (told["account"], told["level"]) == (f"{account['fulldomain']}.", "warning")
    assert "acmedns account delete" in told["cure"]
    server.wait_for_log("reloaded")
    for again in (False, True):
        if again:
            server.stop()
            server.log.write_text("")
            server.start()
            server.wait_for_log("static_record_shadowed", account["fulldomain"])
        for answer in from_every_worker(server.dns, account["fulldomain"]):
            assert values(answer) == {value(1)}
        assert ask(server.dns, account["fulldomain"], "A").answer
        assert values(ask(server.dns, f"deep.{account['fulldomain']}")) == {"below"}
    assert len([line for line in server.log.read_text().splitlines() if "static_record_shadowed" in line]) == 1


def test_sighup_says_what_needs_a_restart(make_server):
    """Sockets stay as they are; the operator is told."""
    server = make_server().start()
    port = str(server.dns[1])
    server.config.write_text(server.config.read_text().replace(f":{port}", f":{int(port) - 1}"))
    server.signal(signal.SIGHUP)
    server.wait_for_log("reload_needs_restart", "dns.listen")
    assert ask(server.dns, server.zone, "SOA").answer


def test_a_taken_port_ends_the_start_with_one_line(make_server):
    """Exit code 1; the line names address, transport, holder and cure."""
    server = make_server()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(server.dns)
        server.spawn()
        assert server.process.wait(60) == 1
    lines = server.log.read_text().splitlines()
    assert len(lines) == 1
    assert all(word in lines[0] for word in (f"{server.dns[0]}:{server.dns[1]}", "UDP", f"pid {os.getpid()}"))


def test_port_for_proofs_over_http_has_nothing_else(make_server):
    """No route of the API is there, whatever is asked; the server stops in order."""
    port = free_port()
    lines = f'http_listen = ["127.0.0.1:{port}"]\ndirectory = "https://127.0.0.1:1/dir"'
    server = make_server(config=f"[certificate]\n{lines}\n")
    server.start(environ={"ACMEDNS_API__TLS": "acme", "ACMEDNS_API__HOSTNAMES": "api.example.com"})
    for method, path in (
        ("GET", "/"),
        ("GET", "/health"),
        ("POST", "/register"),
        ("GET", "/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ"),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(method, path)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Location"), answer.getheader("Server")) == (404, None, None)
        connection.close()
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()


def test_a_second_copy_on_the_same_database_is_refused_by_name(make_server):
    """Two writers would each take the other's serials; the line names the holder."""
    first = make_server().start()
    second = make_server(database_url=first.database_url)
    second.spawn()
    assert second.process.wait(60) == 1
    lines = second.log.read_text().splitlines()
    assert str(first.process.pid) in lines[-1]
    assert "Traceback" not in second.log.read_text()
    assert first.request("GET", "/health/ready").status == 200


def test_a_stranger_gets_nothing_from_the_sockets_while_not_ready(make_server):
    """Before READY no DNS question is answered: a half-loaded zone would give wrong negatives."""
    server = make_server()
    server.spawn()
    deadline = time.monotonic() + 60
    first = None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.05)
        query = b"\0\1\0\0\0\1\0\0\0\0\0\0\x03www\x04auth\x07example\x03org\0\0\1\0\1"
        while first is None and time.monotonic() < deadline:
            try:
                sock.sendto(query, server.dns)
                first = sock.recv(512)
            except OSError:
                continue
    assert first is not None
    assert first[3] & 0x0F == 0, "the first answer ever given is already the right one"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_during_the_start_is_a_clean_stop(make_server, number):
    """A database that never answers holds neither the start nor the stop: exit code 0, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        port = silent.getsockname()[1]
        server = make_server(database_url=f"postgresql://acmedns@127.0.0.1:{port}/acmedns")
        server.spawn()
        connection, _ = silent.accept()
        with connection:
            server.signal(number)
            assert server.process.wait(20) == 0
    server.wait_for_log("stopped")
    assert "Traceback" not in server.log.read_text()


def test_few_open_files_leave_room_for_new_tcp_clients(make_server):
    """A worker never holds as many connections as would keep it from accepting the next (dns-correctness #55)."""
    server = make_server()
    text = server.config.read_text().replace("[dns]\n", "[dns]\ntcp_connections_per_client = 1000\n")
    server.config.write_text(text)
    server.start(before=("prlimit", "--nofile=64:64"))
    assert server.wait_for_log("dns_tcp_connections_limited")["possible"] < 16
    with contextlib.ExitStack() as opened:
        for _ in range(120):
            opened.enter_context(socket.create_connection(server.dns, 5))
        for _ in range(4):
            assert rcode(ask(server.dns, server.zone, "SOA", tcp=True)) == "NOERROR"


def test_sighup_takes_over_the_log_level(make_server):
    """Debug lines come from then on; with them off again they stop."""
    server = make_server().start()
    server.request("GET", "/health")
    assert "/health" not in server.log.read_text()
    server.config.write_text(server.config.read_text() + '[log]\nlevel = "debug"\n')
    server.signal(signal.SIGHUP)
    server.wait_for_log("reloaded")
    server.request("GET", "/health")
    server.wait_for_log('"/health"')


def test_sighup_rolls_the_secret_of_cookies_without_a_gap(make_server):
    """The old one is accepted beside the new one, by workers that come later too; what the server is called is told."""
    old, new = "11" * 16, "22" * 16
    options = f'identity = "node 7"\nrate_limit = 2\ncookie_secrets = ["{old}"]\n'
    server = make_server()
    server.config.write_text(server.config.read_text().replace("workers = 2\n", f"workers = 2\n{options}"))
    server.start()
    assert ask(server.dns, "id.server", "TXT", rdclass="CH").answer[0][0].strings == (b"node 7",)
    learned = [option(ask(server.dns, server.zone, "SOA", options=[COOKIE]), "COOKIE")]
    server.config.write_text(server.config.read_text().replace(f'["{old}"]', f'["{new}", "{old}"]'))
    server.signal(signal.SIGHUP)
    server.wait_for_log("reloaded")
    os.kill(server.worker_pids()[0], signal.SIGKILL)
    for _ in range(12):
        cookie = dns.edns.CookieOption(learned[-1].client, learned[-1].server)
        response = ask(server.dns, server.zone, "SOA", options=[cookie, dns.edns.GenericOption(3, b"")])
        assert (rcode(response), len(response.answer)) == ("NOERROR", 1)
        assert option(response, "NSID").nsid == b"node 7"
        learned.append(option(response, "COOKIE"))
    assert len({cookie.server for cookie in learned[1:]}) == 1
    assert learned[1].server != learned[0].server


def test_sighup_goes_between_random_and_own_secrets_without_a_gap(make_server):
    """Whichever way, cookies that were made before stay good, and others are made."""
    server = make_server()
    plain = server.config.read_text().replace("workers = 2\n", "workers = 2\nrate_limit = 1\n")
    own = plain.replace("rate_limit = 1\n", f'rate_limit = 1\ncookie_secrets = ["{"33" * 16}"]\n')
    server.config.write_text(plain)
    server.start()
    cookie = option(ask(server.dns, server.zone, "SOA", options=[COOKIE]), "COOKIE")
    for text in (own, plain, own):
        server.config.write_text(text)
        reloads = server.log.read_text().count('"reloaded"')
        server.signal(signal.SIGHUP)
        until = time.monotonic() + 60
        while server.log.read_text().count('"reloaded"') == reloads:
            assert time.monotonic() < until
        before = cookie
        for _ in range(6):
            sent = dns.edns.CookieOption(cookie.client, cookie.server)
            response = ask(server.dns, server.zone, "SOA", options=[sent])
            assert (rcode(response), len(response.answer)) == ("NOERROR", 1)
            cookie = option(response, "COOKIE")
        assert cookie.server != before.server


OFTEN = """import sys
from acmedns_py.cli import main
from acmedns_py.service import lifetime
lifetime.ROLL_SECONDS = 3.0
sys.argv = sys.argv[1:]
main()"""


def test_a_random_secret_of_cookies_is_rolled_by_itself_without_a_gap(make_server):
    """Cookies of the last secret stay good while the next one makes new ones; here a day takes three seconds."""
    server = make_server()
    server.config.write_text(server.config.read_text().replace("workers = 2\n", "workers = 2\nrate_limit = 1\n"))
    server.start(before=(sys.executable, "-c", OFTEN))
    cookie = option(ask(server.dns, server.zone, "SOA", options=[COOKIE]), "COOKIE")
    made = {cookie.server}
    until = time.monotonic() + 60
    while len(made) < 4:
        assert time.monotonic() < until, "no new cookie was made"
        # More often than the limit lets those through whose cookie proves nothing.
        for _ in range(3):
            sent = dns.edns.CookieOption(cookie.client, cookie.server)
            response = ask(server.dns, server.zone, "SOA", options=[sent])
            assert (rcode(response), len(response.answer)) == ("NOERROR", 1)
        cookie = option(response, "COOKIE")
        made.add(cookie.server)
        time.sleep(0.1)


def test_sighup_takes_over_a_new_certificate(make_server, tmp_path):
    """The same files with another content: the next handshake shows it."""
    first, second = trustme.CA(), trustme.CA()
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"

    def issue(authority: trustme.CA) -> None:
        issued = authority.issue_cert("127.0.0.1")
        certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())

    def trusted(authority: trustme.CA) -> bool:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        try:
            with (
                socket.create_connection(server.api, 10) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1"),
            ):
                return True
        except ssl.SSLCertVerificationError:
            return False

    issue(first)
    server = make_server()
    server.config.write_text(
        server.config.read_text().replace(
            "[api]", f'[api]\ntls = "cert"\ntls_certificate = "{certificate}"\ntls_key = "{key}"'
        )
    )
    server.start()
    assert trusted(first)
    issue(second)
    server.signal(signal.SIGHUP)
    server.wait_for_log("certificate_reloaded")
    assert trusted(second)
    assert not trusted(first)


def test_queries_that_have_arrived_are_answered_before_the_exit(make_server):
    """What lies in the workers' queues at SIGTERM still gets its answer (dns-correctness #75)."""
    server = make_server().start()
    pids = server.worker_pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    query = b"\0\1\0\0\0\1\0\0\0\0\0\0\x03www\x04auth\x07example\x03org\0\0\1\0\1"
    askers = []
    try:
        for _ in range(40):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.settimeout(20)
            askers.append(sock)
            sock.sendto(query, server.dns)
        server.signal(signal.SIGTERM)
        server.wait_for_log("stopping")
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        assert all(sock.recv(512)[3] & 0x0F == 0 for sock in askers)
    finally:
        for sock in askers:
            sock.close()
    assert server.process.wait(20) == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors_do_no_harm(make_server, closed):
    """No socket gets the number of standard input, and nothing that is written fails."""
    server = make_server().start(before=("sh", "-c", f'exec "$@" {closed}', "sh"))
    account = server.register()
    assert server.update(account, value(1)).status == 200
    for response in from_every_worker(server.dns, account["fulldomain"]):
        assert values(response) == {value(1)}
    assert server.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can lay a capability down")
def test_control_s_memory_is_closed_to_its_own_user(make_server):
    """Without the right to trace, a process of the same user reads neither environment nor memory (promise 4)."""
    rights = "-sys_ptrace,-perfmon,-sys_admin"
    without = ("setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}")
    server = make_server().start(before=without)
    for what in ("environ", "mem", "maps"):
        done = subprocess.run([*without, "cat", f"/proc/{server.process.pid}/{what}"], capture_output=True, check=False)
        assert done.returncode != 0
        assert b"Permission denied" in done.stderr


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
