"""What the lab shows: one function a story, from a client without an account to a certificate with the right names.

Each takes a running lab, plays it with names of its own (so that flows may run in any order), tells people what happens
by `lab.say`, and raises LabError with the client's words where something is not as it should be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.lab.authority import Certificate, read_certificate
from tests.lab.clients import Account, Certbot, Lego, Result, account_map, cert_manager, goacmedns, start_caddy
from tests.lab.laboratory import Laboratory
from tests.lab.layouts import CLIENT, OTHER_CLIENT, SERVER
from tests.lab.namespace import LabError, until
from tests.lab.resolvers import MANY
from tests.lab.zones import DOMAIN
from tests.tools import peers

Flow = Callable[[Laboratory], None]

# Any 43 characters of base64url, as ACME's values are.
_VALUE = "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM"


def lego_registers_then_issues(lab: Laboratory) -> None:
    """Lego registers, stops with the CNAME to create, and the second run gets the certificate; then it renews."""
    name = f"lego.{DOMAIN}"
    lego = Lego(lab, lab.client_folder("lego"))
    _stops_for_cname(lego.run(name), name)
    account = json.loads(lego.storage.read_text())[name]
    lab.point(name, at=account["fulldomain"])
    _succeeds(lego.run(name))
    first = _issued(lab, lego.certificate(name), name)
    _succeeds(lego.run(name, verb=("renew", "--days", "9999", "--no-random-sleep")))
    _renewed(lab, first, lego.certificate(name), name)


def lego_base_and_wildcard(lab: Laboratory) -> None:
    """Lego orders a name and its wildcard at once: two values of one account, both seen by the CA."""
    name = f"both.lego.{DOMAIN}"
    lego = Lego(lab, lab.client_folder("lego-wildcard"))
    account = {**lab.register(), "server_url": lab.layout.api}
    lab.point(name, at=account["fulldomain"])
    lego.storage.write_text(account_map([name], account))
    _succeeds(lego.run(name, f"*.{name}"))
    _issued(lab, lego.certificate(name), name, f"*.{name}")
    _has_values(lab, account, 2)


def lego_finds_its_value_over_tcp(lab: Laboratory) -> None:
    """Lego and the CA find a value among 30 of one name: its UDP answer is truncated, so both ask again over TCP."""
    name = f"tcp.lego.{DOMAIN}"
    lego = Lego(lab, lab.client_folder("lego-tcp"))
    account = {**lab.register(), "server_url": lab.layout.api}
    lab.point(name, at=account["fulldomain"])
    lab.update_all(account, (f"{number:043d}" for number in range(29)))
    lego.storage.write_text(account_map([name], account))
    _succeeds(lego.run(name))
    _issued(lab, lego.certificate(name), name)
    if " tc;" not in lab.namespace.dig(SERVER[0], account["fulldomain"], "TXT", "+norecurse", "+ignore"):
        raise LabError("the answer with 30 values is not truncated over UDP, so this flow proves nothing")
    _has_values(lab, account, 30)


def lego_without_a_disk(lab: Laboratory) -> None:
    """Lego registers and keeps its account in our storage; from another empty folder it finds it and issues."""
    name = f"stateless.lego.{DOMAIN}"
    scheme, _, host = lab.layout.api.partition("://")
    storage = f"{scheme}://any:{lab.token}@{host}/storage"
    environment = {
        "ACME_DNS_API_BASE": f"{lab.layout.api}/{lab.token}",
        "ACME_DNS_STORAGE_BASE_URL": storage,
        "ACME_DNS_STORAGE_PATH": "",
    }
    first = Lego(lab, lab.client_folder("lego-stateless"))
    _stops_for_cname(first.run(name, **environment), name)
    lab.point(name, at=_stored(lab)[name]["fulldomain"])
    second = Lego(lab, lab.client_folder("lego-stateless"))
    _succeeds(second.run(name, **environment))
    _issued(lab, second.certificate(name), name)
    if first.storage.exists() or second.storage.exists():
        raise LabError("lego has kept a file, so this flow proves nothing")


def lego_in_certbot_without_a_disk(lab: Laboratory) -> None:
    """Lego 5 inside certbot does the same, with the token in the path of both URLs."""
    name = f"stateless.multi.{DOMAIN}"
    base = f"{lab.layout.api}/{lab.token}"
    first = Certbot.with_lego_and_storage(lab, lab.client_folder("certbot-stateless"), base=base)
    _fails(first.certonly(name))
    lab.point(name, at=_stored(lab)[name]["fulldomain"])
    second = Certbot.with_lego_and_storage(lab, lab.client_folder("certbot-stateless"), base=base)
    _succeeds(second.certonly(name, f"*.{name}"))
    _issued(lab, second.certificate(name), name, f"*.{name}")


def lego_in_certbot(lab: Laboratory) -> None:
    """Certbot with lego 5 inside (certbot-dns-multi) registers, is given the CNAME, gets the certificate, renews."""
    name = f"multi.{DOMAIN}"
    folder = lab.client_folder("certbot-dns-multi")
    certbot = Certbot.with_lego(lab, folder)
    # The base name alone: with the wildcard in the order lego would register for the one and wait a minute for the
    # CNAME of the other before it shows what to create.
    _fails(certbot.certonly(name))
    account = json.loads(Certbot.storage_in(folder).read_text())[name]
    lab.point(name, at=account["fulldomain"])
    _succeeds(certbot.certonly(name, f"*.{name}"))
    first = _issued(lab, certbot.certificate(name), name, f"*.{name}")
    _succeeds(certbot.certonly(name, f"*.{name}", more=("--force-renewal",)))
    _renewed(lab, first, certbot.certificate(name), name, f"*.{name}")


def certbot_base_and_wildcard(lab: Laboratory) -> None:
    """Certbot with certbot-dns-acmedns gets a name and its wildcard in one order, and renews it."""
    name = f"certbot.{DOMAIN}"
    account = lab.register()
    lab.point(name, at=account["fulldomain"])
    certbot = Certbot.with_acmedns(
        lab, lab.client_folder("certbot"), base=lab.layout.api, accounts=account_map([name], account)
    )
    _succeeds(certbot.certonly(name, f"*.{name}"))
    first = _issued(lab, certbot.certificate(name), name, f"*.{name}")
    _succeeds(certbot.certonly(name, f"*.{name}", more=("--force-renewal",)))
    _renewed(lab, first, certbot.certificate(name), name, f"*.{name}")


def certbot_base_url_with_slash(lab: Laboratory) -> None:
    """certbot-dns-acmedns with a base URL that ends in a slash posts to //update, and that is served."""
    name = f"slash.certbot.{DOMAIN}"
    account = lab.register()
    lab.point(name, at=account["fulldomain"])
    certbot = Certbot.with_acmedns(
        lab, lab.client_folder("certbot-slash"), base=lab.layout.api + "/", accounts=account_map([name], account)
    )
    _succeeds(certbot.certonly(name))
    _issued(lab, certbot.certificate(name), name)


def certbot_twenty_names_one_account(lab: Laboratory) -> None:
    """Certbot publishes 20 values through one account before the CA looks at the first."""
    names = [f"n{number:02d}.certbot20.{DOMAIN}" for number in range(20)]
    account = lab.register()
    lab.point(*names, at=account["fulldomain"])
    certbot = Certbot.with_acmedns(
        lab, lab.client_folder("certbot-twenty"), base=lab.layout.api, accounts=account_map(names, account)
    )
    _succeeds(certbot.certonly(*names))
    _issued(lab, certbot.certificate(names[0]), *names)
    _has_values(lab, account, 20)


def caddy_base_and_wildcard(lab: Laboratory) -> None:
    """Caddy orders a name and its wildcard side by side through one account, and serves both certificates."""
    name = f"caddy.{DOMAIN}"
    names = (name, f"*.{name}")
    account = lab.register()
    lab.point(name, at=account["fulldomain"])
    folder = lab.client_folder("caddy")
    caddy = start_caddy(lab, folder, names=names, account=account)
    # Where the CA's resolver has just cached the one order's value, the other order fails and Caddy tries again after a
    # minute; hence the long time.
    for identifier in names:
        caddy.wait_for(f'certificate obtained successfully.*"identifier":"{re.escape(identifier)}"', seconds=180)
    for identifier in names:
        stored = f"{identifier.replace('*', 'wildcard_')}.crt"
        _issued(lab, _only(folder.glob(f"certificates/*/*/{stored}")), identifier)
    served = _served_certificate(lab, folder, f"some.{name}")
    _issued(lab, served, f"*.{name}")
    caddy.stop()


def cert_manager_with_account(lab: Laboratory) -> None:
    """cert-manager's solver, given an account that cpu/goacmedns registered, passes its own check and gets the names."""
    name = f"cert-manager.{DOMAIN}"
    account = _registered(lab, "0.1")
    lab.point(name, at=account["fulldomain"])
    for names in ((name,), (f"*.{name}",)):  # never together: its scheduler keeps them apart
        done, certificate = cert_manager(
            lab, lab.client_folder("cert-manager"), *names, accounts=account_map([name], account)
        )
        _succeeds(done)
        _issued(lab, certificate, *names)


def go_libraries_update(lab: Laboratory) -> None:
    """Both Go client libraries register and update; what they were told is served is served on every address."""
    for version in ("0.1", "0.2"):
        account = _registered(lab, version)
        _succeeds(goacmedns(lab, version, "update", lab.layout.api, _VALUE, stdin=json.dumps(account)))
        _has_values(lab, account, 1)


def allow_from_binds_the_source(lab: Laboratory) -> None:
    """An account bound to one host updates from there; from elsewhere it gets 401, and only the log says why."""
    account = lab.register(allow_from=[f"{CLIENT}/32"])
    status, text = lab.update(account, _VALUE, source=CLIENT)
    if (status, json.loads(text)) != (200, {"txt": _VALUE}):
        raise LabError(f"the update from the allowed address got {status}: {text}")
    lab.say(f"  update from {CLIENT}: 200")
    other = _VALUE[::-1]
    status, text = lab.update(account, other, source=OTHER_CLIENT)
    if (status, json.loads(text)) != (401, {"error": "forbidden"}):
        raise LabError(f"the update from {OTHER_CLIENT} got {status}: {text}")
    line = _log_line(lab, OTHER_CLIENT)
    lab.say(f"  update from {OTHER_CLIENT}: 401 forbidden; the log: {line}")
    for secret in (other, str(account["password"])):
        if secret in lab.server.text():
            raise LabError("the log holds a TXT value or a password")
    _has_values(lab, account, 1)


def lego_refused_by_allow_from(lab: Laboratory) -> None:
    """Lego with an account bound to a network that it is not in fails with the server's 401, not with silence."""
    name = f"bound.lego.{DOMAIN}"
    lego = Lego(lab, lab.client_folder("lego-bound"))
    allow = {"ACME_DNS_ALLOWLIST": "45.33.9.0/25, 2600:3c00:9::/64"}
    _stops_for_cname(lego.run(name, **allow), name)
    account = json.loads(lego.storage.read_text())[name]
    lab.point(name, at=account["fulldomain"])
    done = lego.run(name, **allow)
    _fails(done)
    if "401" not in done.stdout or "forbidden" not in done.stdout:
        raise LabError(f"lego did not show the refusal:\n{done.stdout}")
    lab.say("  lego, from an address that is not allowed: 401 forbidden, no certificate")


def trace_tells_whether_a_ca_has_asked(lab: Laboratory) -> None:
    """After an order the account's trace has the networks that the CA asked from, and knows too few from enough."""
    name = f"traced.lego.{DOMAIN}"
    lego = Lego(lab, lab.client_folder("lego-traced"))
    account = {**lab.register(), "server_url": lab.layout.api}
    lab.point(name, at=account["fulldomain"])
    lego.storage.write_text(account_map([name], account))
    if (verdict := _trace(lab, account)["verdict"]) != "never_updated":
        raise LabError(f"before its first update the account is told as {verdict}")
    # Two names, for Pebble looks three times at each: from all five networks, if it can.
    _succeeds(lego.run(name, f"*.{name}"))
    # The other resolver is the client's own as well; over IPv6 its network looks like another's.
    few = {"asked_by_itself", "waiting"}
    expected = {"asked_by_a_ca"} if lab.layout.ca_resolver == MANY else few
    # Workers tell of questions twice a second.
    until(lambda: _trace(lab, account)["verdict"] in expected, seconds=20, what=f"{expected} in the account's trace")
    lab.say(_indented(lab.command("account", "trace", account["subdomain"])))


FLOWS: tuple[Flow, ...] = (
    lego_registers_then_issues,
    lego_base_and_wildcard,
    lego_finds_its_value_over_tcp,
    lego_without_a_disk,
    lego_in_certbot,
    lego_in_certbot_without_a_disk,
    certbot_base_and_wildcard,
    certbot_base_url_with_slash,
    certbot_twenty_names_one_account,
    caddy_base_and_wildcard,
    cert_manager_with_account,
    go_libraries_update,
    allow_from_binds_the_source,
    lego_refused_by_allow_from,
    trace_tells_whether_a_ca_has_asked,
)


def _trace(lab: Laboratory, account: Account) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lab.command("account", "trace", account["subdomain"], "--json"))
    return found


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _registered(lab: Laboratory, version: str) -> Account:
    done = goacmedns(lab, version, "register", lab.layout.api)
    _succeeds(done)
    account: Account = json.loads(done.stdout)
    lab.say(f"  goacmedns {version} registered {account['fulldomain']}")
    return account


def _succeeds(done: Result) -> None:
    if done.returncode:
        raise LabError(f"{_program(done)} ended with {done.returncode}:\n{done.stdout}")


def _fails(done: Result) -> None:
    if not done.returncode:
        raise LabError(f"{_program(done)} ended well, which was not expected:\n{done.stdout}")


def _stored(lab: Laboratory) -> dict[str, Account]:
    """What our server keeps for the lab's token, by domain."""
    curl = (peers.need("curl"), "--silent", "--fail", "--cacert", lab.trust.bundle)
    printed = lab.namespace.run(*curl, f"{lab.layout.api}/{lab.token}/storage").stdout
    kept: dict[str, Account] = json.loads(printed)
    lab.say(f"  the storage holds {', '.join(kept)}")
    return kept


def _stops_for_cname(done: Result, name: str) -> None:
    """A client without an account has registered one and asks for the CNAME, naming both ends."""
    _fails(done)
    if f"_acme-challenge.{name}" not in done.stdout or "CNAME" not in done.stdout:
        raise LabError(f"{_program(done)} did not ask for the CNAME:\n{done.stdout}")


def _program(done: Result) -> str:
    """Name the program behind nsenter and setpriv, whose own arguments end in `--`."""
    return Path(done.args[done.args.index("--") + 1]).name


def _issued(lab: Laboratory, path: Path, *names: str) -> Certificate:
    certificate = read_certificate(path)
    if certificate.names != set(names):
        raise LabError(f"{path} is for {sorted(certificate.names)}, not for {sorted(names)}")
    lab.say(f"  certificate {certificate.serial:x}: {', '.join(sorted(certificate.names))}")
    return certificate


def _renewed(lab: Laboratory, first: Certificate, path: Path, *names: str) -> None:
    if _issued(lab, path, *names).serial == first.serial:
        raise LabError(f"{path} is still the first certificate")


def _has_values(lab: Laboratory, account: Account, count: int) -> None:
    seen = [lab.challenge_values(account["fulldomain"], address) for address in SERVER]
    if any(len(values) != count or values != seen[0] for values in seen):
        raise LabError(f"{account['fulldomain']} should have {count} values on each of {SERVER}, but has {seen}")
    lab.say(f"  {count} live value{'s' if count > 1 else ''} on each of {len(SERVER)} addresses")


def _only(paths: Iterable[Path]) -> Path:
    found = list(paths)
    if len(found) != 1:
        raise LabError(f"expected one certificate file, found {found}")
    return found[0]


def _served_certificate(lab: Laboratory, folder: Path, name: str) -> Path:
    """Give the certificate that Caddy presents to a browser which asks for `name`."""
    shown = lab.namespace.run(
        *("openssl", "s_client", "-connect", "127.0.0.1:8443", "-servername", name, "-showcerts"), seconds=20
    ).stdout
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", shown, re.DOTALL)
    if not blocks:
        raise LabError(f"Caddy presents no certificate for {name}:\n{shown}")
    path = folder / "served.pem"
    path.write_text("".join(blocks), encoding="ascii")
    return path


def _log_line(lab: Laboratory, *words: str) -> str:
    for line in lab.server.text().splitlines():
        if all(word in line for word in words):
            return line
    raise LabError(f"the server's log has no line with {words}:\n{lab.server.tail()}")
