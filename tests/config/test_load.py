"""Our own file: defaults, all problems at once, each with option, value and cure, and nothing secret in them."""

import os
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from acmedns_py.config.load import ConfigProblems, load
from acmedns_py.config.settings import Settings

MINIMUM = '[zone]\nname = "auth.example.org"\naddresses = ["198.51.100.1"]\n'

WRONG = [
    # section, its lines, the option named, a part of the cure
    ("zone", "nmae = 1", "zone.nmae", "did you mean zone.name?"),
    ("zone", 'admin = "@example.org"', "zone.admin", "before the @"),
    ("zone", 'nameservers = ["198.51.100.1"]', "zone.nameservers[0]", "this is an address"),
    ("zone", 'nameservers = ["a..b"]', "zone.nameservers[0]", "label empty"),
    ("zone", "records = [5]", "zone.records[0]", "text in quotes"),
    ("zone", 'records = "@ A 198.51.100.1"', "zone.records", "write a list"),
    ("zone", "negative_ttl = 61", "zone.negative_ttl", "60 or less"),
    ("zone", "txt_ttl = 0", "zone.txt_ttl", "1 or more"),
    ("zone", "ttl = true", "zone.ttl", "whole number"),
    ("zone", "ttl = 2020-01-01", "zone.ttl", "whole number"),
    ("dns", f'identity = "{"i" * 199}"\n', "dns.identity", "at most 198 octets"),
    ("dns", 'listen = ["eth0"]', "dns.listen[0]", "no IP address"),
    ("dns", 'listen = ["127.0.0.1:0"]', "dns.listen[0]", "from 1 to 65535"),
    ("dns", 'listen = ["127.0.0.1:99999"]', "dns.listen[0]", "from 1 to 65535"),
    ("dns", 'listen = ["[::1"]', "dns.listen[0]", "bracket"),
    ("dns", "listen = []", "dns.listen", "at least one"),
    ("dns", 'port = "53"', "dns.port", "without quotes"),
    ("dns", 'protocol = "quic"', "dns.protocol", "write one of 'both'"),
    ("dns", 'protocol = "udp4"\nlisten = ["::1"]', "dns.listen", "no address fits"),
    ("dns", "tcp_idle_seconds = nan", "dns.tcp_idle_seconds", "number of seconds"),
    ("dns", "tcp_idle_seconds = 0", "dns.tcp_idle_seconds", "more than 0"),
    ("dns", 'tcp_idle_seconds = "10"', "dns.tcp_idle_seconds", "number of seconds"),
    ("api", 'listen = ["127.0.0.1"]', "api.listen[0]", "port is missing"),
    ("api", 'tls = "letsencrypt"', "api.tls", "write one of 'none', 'cert' or 'acme'"),
    ("api", 'tls = "acme"\nhostnames = ["a..b"]', "api.hostnames[0]", "two dots in a row"),
    ("api", 'tls = "acme"\nhostnames = ["192.0.2.1"]', "api.hostnames[0]", "this is an address"),
    ("zone", 'records = ["_acme-challenge CNAME x.example.com."]\n[api]\ntls = "acme"', "api.hostnames", "CNAME"),
    (
        "zone",
        'records = ["sub NS ns.example.com."]\n[api]\ntls = "acme"\nhostnames = ["a.sub.auth.example.org"]',
        "api.hostnames",
        "the NS of sub.auth.example.org. in zone.records hides",
    ),
    ("api", 'tls = "acme"\nhostnames = ["*.example.org"]', "api.hostnames[0]", "write the host names one by one"),
    ("certificate", 'http_listen = ["0.0.0.0"]', "certificate.http_listen[0]", "port is missing"),
    ("certificate", 'http_listen = "0.0.0.0:80"', "certificate.http_listen", "write a list"),
    ("certificate", 'http_listen = ["127.0.0.1:8080"]', "certificate.http_listen", "the API is there already"),
    (
        "certificate",
        'http_listen = ["127.0.0.1:9"]\n[admin]\nlisten = ["127.0.0.1:9"]',
        "certificate.http_listen",
        "the API is there already",
    ),
    ("certificate", 'directory = "ca.example.org"', "certificate.directory", "write the URL of its directory"),
    ("certificate", 'directory = "http://ca.example.org/dir"', "certificate.directory", "https://"),
    ("certificate", 'directory = "https://ca.example.org:x/"', "certificate.directory", "https://"),
    ("certificate", 'contact = "admin"', "certificate.contact", "write one mail address"),
    ("certificate", 'contact = "a@example.org,b@example.org"', "certificate.contact", "write one mail address"),
    ("certificate", 'key_type = "rsa"', "certificate.key_type", "write one of 'p256', 'p384' or 'rsa2048'"),
    ("certificate", 'eab_hmac_key = "geheim!"', "certificate.eab_hmac_key", "URL-safe base64"),
    ("certificate", 'eab_key_id = "k"\n[api]\ntls = "acme"', "certificate.eab_hmac_key", "set both, or none"),
    (
        "certificate",
        'ca_bundle = "/nowhere/ca.pem"\n[api]\ntls = "acme"',
        "certificate.ca_bundle",
        "No such file",
    ),
    (
        "certificate",
        'ca_bundle = "/proc/self/status"\n[api]\ntls = "acme"',
        "certificate.ca_bundle",
        "there is no certificate in it",
    ),
    ("api", 'tls = "cert"', "api.tls_certificate", "needs this file"),
    ("api", 'tls = "cert"', "api.tls_key", "needs this file"),
    ("api", 'tls = "cert"\ntls_key = "/nowhere/key.pem"', "api.tls_key", "No such file"),
    ("api", "use_header = true", "api.trusted_proxies", "networks of your proxies"),
    ("api", 'use_header = "yes"', "api.use_header", "true or false"),
    ("api", 'trusted_proxies = ["proxy"]', "api.trusted_proxies[0]", "no network"),
    ("api", 'header_name = "X Forwarded"', "api.header_name", "no name of a header"),
    ("api", 'cors_origins = ["app.example.org"]', "api.cors_origins[0]", "https://app.example.org"),
    ("api", 'cors_origins = ["https://*.*.example.org"]', "api.cors_origins[0]", "without a path"),
    ("api", 'cors_origins = ["https://app.example.org/"]', "api.cors_origins[0]", "without a path"),
    ("api", "hsts = true", "api.hsts", "needs HTTPS"),
    ("backup", 'every = "1h"', "backup.directory", "backup.every needs it"),
    ("backup", 'every = "1 hour"', "backup.every", "write a duration such as 90s, 15m, 1h, 30d or 2w"),
    ("backup", 'every = "59s"', "backup.every", "write at least 60s"),
    ("backup", "keep = 0", "backup.keep", "1"),
    ("challenges", "max_values = 1", "challenges.max_values", "2 or more"),
    ("database", 'url = "mysql://u:geheim@h/db"', "database.url", "sqlite:////PATH"),
    ("database", 'url = "postgresql://u:geheim@h:port/db"', "database.url", "port after the host"),
    ("database", 'url = "postgresql://u:geheim#1@h/db"', "database.url", "%23"),
    ("database", 'url = "postgresql://u:geheim@1@h/db"', "database.url", "%40"),
    ("database", 'url = "postgresql://u:geheim/1@h/db"', "database.url", "%2F"),
    ("database", 'url = "postgresql://u:12/geheim@h/db"', "database.url", "%2F"),
    ("database", 'url = "postgresql://u:geheim@h"', "database.url", "name of the database"),
    ("database", 'url = "postgresql://u:geheim@h/db?sslmod=require"', "database.url", "did you mean sslmode?"),
    ("database", 'url = "postgresql://u:geheim@h/db?sslmode=yes"', "database.url", "sslmode is one of"),
    ("database", 'url = "sqlite://relative"', "database.url", "four slashes"),
    ("database", 'url = "sqlite:///:memory:"', "database.url", "four slashes"),
    ("database", 'url = "sqlite:////x?mode=ro"', "database.url", "question mark"),
    ("database", 'pasword = "geheim"', "database.pasword", "did you mean database.password?"),
    ("database", "password = 5", "database.password", "text in quotes"),
    ("check", 'resolvers = ["dns.example"]', "check.resolvers[0]", "no IP address"),
    ("check", 'resolvers = ["0.0.0.0"]', "check.resolvers[0]", "write the address of the resolver itself"),
    ("check", 'ca = [";"]', "check.ca[0]", "the name that the CA goes by in CAA records"),
    ("check", 'ca = ["-x.example"]', "check.ca[0]", "the name that the CA goes by in CAA records"),
    ("check", 'ca = ["192.0.2.1"]', "check.ca[0]", "this is an address"),
    ("check", 'accounts = ["17"]', "check.accounts[0]", "as the CA gave it"),
    ("check", 'ignore = ["no such thing"]', "check.ignore[0]", "write the id of a finding"),
    ("log", 'level = "loud"', "log.level", "write one of 'debug'"),
    ("log", 'destination = "file"', "log.file", "name the file"),
    ("log", 'destination = "file"\nfile = "/nowhere/at/all.log"', "log.file", "no directory"),
    ("log", 'destination = "file"\nfile = "/"', "log.file", "directory"),
    ("admin", 'listen = ["0.0.0.0:9", "127.0.0.1:8080"]', "admin.listen", "the API is there already"),
    ("metrics", 'listen = ["127.0.0.1:8080"]', "metrics.listen", "something else of this server is there already"),
    ("process", 'user = "nobody-of-that-name"', "process.user", "no such user"),
    ("process", 'group = "nobody-of-that-name"\nuser = "root"', "process.group", "no such group"),
    ("process", 'group = "root"', "process.group", "process.user"),
    ("process", 'user = "a\\u0000b"', "process.user", "no such user"),
    ("process", 'user = "root"\ngroup = "a\\u0000b"', "process.group", "no such group"),
    ("log", 'file = "a\\u0000b"', "log.file", "NUL"),
    ("api", 'tls_certificate = "a\\u0000b"', "api.tls_certificate", "NUL"),
    ("api", 'tls_key = "a\\u0000b"', "api.tls_key", "NUL"),
    ("database", 'url = "sqlite:////tmp/a\\u0000b"', "database.url", "NUL"),
    ("database", 'url = "sqlite:////tmp/a%00b"', "database.url", "NUL"),
    ("database", 'url = "postgresql://u:geheim@h:5\\n4/db"', "database.url", "control character"),
    ("database", 'url = "postgresql://u:geheim@h/a%00b"', "database.url", "NUL"),
    ("database", 'password = "geheim\\u0000"', "database.password", "NUL"),
    ("database", 'url = "postgresql://u:geheim@/db?host=/tmp&port=abc"', "database.url", "from 1 to 65535"),
    ("database", 'url = "postgresql://u:geheim@/db?host=/tmp&port=65536"', "database.url", "from 1 to 65535"),
    ("database", 'url = "postgresql://u:geheim@/db?host=h&host=i"', "database.url", "given twice"),
    ("database", 'url = "acmedns.db"', "database.url", "sqlite:////PATH"),
    ("database", 'url = "sqlite://"', "database.url", "four slashes"),
]


def test_zone_and_address_are_enough(loaded):
    """The minimum is a zone and a public address; all else has a default."""
    settings = loaded().settings
    assert settings == Settings.model_validate({"zone": {"name": "auth.example.org", "addresses": ["198.51.100.1"]}})
    assert settings.dns.listen == ["auto"]


@pytest.mark.parametrize(("section", "lines", "option", "cure"), WRONG)
def test_wrong_option_is_named_with_its_cure(problems, section, lines, option, cure):
    """Each wrong value is one problem that says what to do."""
    text = MINIMUM + (lines if section == "zone" else f"[{section}]\n{lines}")
    found = problems(text)
    matching = [problem for problem in found.problems if problem.option == option]
    assert len(matching) == 1, str(found)
    assert cure in matching[0].cure
    assert "geheim" not in str(found)
    assert "\n" not in str(matching[0])


def test_all_problems_come_at_once(problems):
    """Wrong types, unknown keys, rules over several options and wrong records are told in one run."""
    found = problems(
        '[zone]\nname = "auth.example.org"\naddresses = ["all"]\nrecords = ["@ A 1.2.3"]\n'
        '[dns]\nport = "x"\nprot = 1\n[api]\nuse_header = true\nhsts = true\ntls = "cert"\n[dsn]\nport = 5\n'
    )
    assert [problem.option for problem in found.problems] == [
        "dns.prot",
        "dsn",
        "zone.addresses[0]",
        "dns.port",
        "api.trusted_proxies",
        "api.tls_certificate",
        "api.tls_key",
        "zone.records[0]",
    ]
    assert len(str(found).splitlines()) == len(found.problems)


def test_one_wrong_value_is_one_problem(problems):
    """What would follow from the default in its place is not told as well."""
    (problem,) = problems(MINIMUM + "[api]\ntls = 5\nhsts = true\n").problems
    assert problem.option == "api.tls"


def test_what_only_the_printed_records_need_is_no_warning(loaded):
    """All nameservers outside the zone, the API behind a proxy: `acmedns records` prints their addresses."""
    more = 'nameservers = ["ns.example.net"]\n[api]\nhostnames = ["api.example.net"]\n'
    assert loaded(MINIMUM + more).warnings == ()


def test_unknown_section_is_named_with_the_nearest(problems):
    """A misspelt section is named, not ignored."""
    (problem,) = problems(MINIMUM + "[dbase]\nurl = 1\n[databse]\n").problems[1:]
    assert (problem.option, problem.cure) == ("databse", "no such option; did you mean [database]?")


def test_section_that_is_no_table_is_named(problems):
    """A section must be a table."""
    (problem,) = problems("dns = 5\n" + MINIMUM).problems
    assert (problem.option, problem.value) == ("dns", 5)
    assert "[dns]" in problem.cure


def test_value_of_an_unknown_key_is_hidden(problems):
    """It may be a misspelt password."""
    assert "geheim" not in str(problems(MINIMUM + '[database]\npassphrase = "geheim"\n'))


def test_missing_zone_is_one_problem(problems):
    """Without a zone no record can be judged, and nothing is said of them."""
    (problem,) = problems('[dns]\nport = 53\n[zone]\nrecords = ["bad"]\n').problems
    assert problem.option == "zone.name"
    assert "(not set)" in str(problem)


@pytest.mark.parametrize(
    "name", [".", "198.51.100.1", "a..b", "bücher.example", f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 30}"]
)
def test_wrong_zone_is_refused(problems, name):
    """The root, addresses, names in other scripts and names too long for a challenge below them are refused."""
    (problem,) = problems(f'[zone]\nname = "{name}"\naddresses = ["198.51.100.1"]\n').problems
    assert problem.option == "zone.name"


@pytest.mark.parametrize("text", ["0.0.0.0", "::", "224.0.0.1", "fe80::1%eth0", "198.51.100", "ns1"])
def test_address_that_reaches_no_host_is_refused(problems, text):
    """A public address is a literal one of a host."""
    (problem,) = problems(f'[zone]\nname = "auth.example.org"\naddresses = ["{text}"]\n').problems
    assert problem.option == "zone.addresses[0]"


def test_zone_is_folded_without_final_dot(loaded):
    """One canonical form of the zone's name (dns-correctness #84)."""
    assert loaded('[zone]\nname = "AUTH.example.ORG."\naddresses = ["::1"]\n').settings.zone.name == "auth.example.org"


def test_secrets_are_not_in_the_repr(loaded):
    """Neither the password nor the URL that may hold one is shown."""
    loaded = loaded(MINIMUM + '[database]\nurl = "postgres://u:geheim@h/db"\npassword = "geheim"\n')
    assert "geheim" not in repr(loaded)
    assert "geheim" not in str(loaded.settings)


def test_password_goes_before_that_of_the_url(loaded):
    """The option replaces what stands in the URL, percent-encoded."""
    database = loaded(
        MINIMUM + '[database]\nurl = "postgres://u:old@h:5/db?sslmode=require"\npassword = "p@/ß"\n'
    ).settings.database
    assert database.connection_url == "postgresql://u:p%40%2F%C3%9F@h:5/db?sslmode=require"


def test_url_without_password_option_stays(loaded):
    """SQLite's URL is taken as it is."""
    assert loaded().settings.database.connection_url == "sqlite:////var/lib/acmedns/acmedns.db"


def test_record_of_the_zone_hides_no_proof_over_http(loaded):
    """A name outside the zone needs no TXT in it, where its proof is fetched over HTTP."""
    lines = 'records = ["_acme-challenge CNAME x.example.com."]\n[api]\ntls = "acme"\nhostnames = ["api.example.org"]\n'
    with pytest.raises(ConfigProblems):
        loaded(MINIMUM + lines)
    assert loaded(MINIMUM + lines + '[certificate]\nhttp_listen = ["0.0.0.0:80"]\n').warnings == ()


def test_settings_are_frozen(loaded):
    """Nobody changes the configuration while it is used."""
    with pytest.raises(ValueError, match="frozen"):
        loaded().settings.dns.port = 54


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        ('[api]\ntls_key = "x"', "not used"),
        ('[certificate]\nhttp_listen = ["0.0.0.0:80"]', 'not used, as api.tls is "none"'),
        (
            '[api]\ntls = "acme"\nhostnames = ["a.auth.example.org"]\n[certificate]\nhttp_listen = ["0.0.0.0:80"]',
            "not used, as the API has no host name outside the zone",
        ),
        ('[api]\ntrusted_proxies = ["::1"]', "not used"),
        ('[api]\nuse_header = true\ntrusted_proxies = ["::1"]\nhsts = true\nhsts_preload = true', "no effect"),
        ('[database]\npassword = "x"', "not used"),
        ('[admin]\nlisten = ["127.0.0.1:9", "192.0.2.1:9"]', "tokens travel there in the clear"),
    ],
)
def test_option_without_effect_is_a_warning(loaded, lines, warning):
    """What is allowed and probably not meant is said."""
    (said,) = loaded(MINIMUM + lines + "\n").warnings
    assert warning in said


def test_good_certificate_is_accepted_and_a_foreign_key_refused(loaded, problems, tmp_path):
    """Certificate and key are read and must belong together."""
    authority = trustme.CA()
    pairs = [authority.issue_cert("auth.example.org") for _ in range(2)]
    for number, pair in enumerate(pairs):
        pair.private_key_pem.write_to_path(str(tmp_path / f"{number}.key"))
        pair.cert_chain_pems[0].write_to_path(str(tmp_path / f"{number}.crt"))
    good = f'[api]\ntls = "cert"\ntls_certificate = "{tmp_path}/0.crt"\ntls_key = "{tmp_path}/0.key"\nhsts = true\n'
    assert loaded(MINIMUM + good).settings.api.tls_key == tmp_path / "0.key"
    (problem,) = problems(MINIMUM + good.replace("0.key", "1.key")).problems
    assert problem.option == "api.tls_certificate"
    assert str(tmp_path / "1.key") in problem.cure


def test_a_key_with_a_passphrase_is_refused_without_asking_for_it(problems, tmp_path):
    """As the server would refuse it: nobody is there to type."""
    issued = trustme.CA().issue_cert("auth.example.org")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    (tmp_path / "key.pem").write_bytes(locked)
    api = f'[api]\ntls = "cert"\ntls_certificate = "{tmp_path}/cert.pem"\ntls_key = "{tmp_path}/key.pem"\n'
    (problem,) = problems(MINIMUM + api).problems
    assert "the key is encrypted" in problem.cure


def test_unreadable_certificate_and_key_are_both_named(problems, tmp_path):
    """One run shows both."""
    api = f'[api]\ntls = "cert"\ntls_certificate = "{tmp_path}/cert.pem"\ntls_key = "{tmp_path}"\n'
    found = problems(MINIMUM + api).problems
    assert [problem.option for problem in found] == ["api.tls_certificate", "api.tls_key"]


@pytest.mark.parametrize("kind", ["pipe", "device", "huge"])
def test_certificate_and_key_are_regular_files_of_bounded_size(problems, tmp_path, kind):
    """OpenSSL would wait for a pipe, and read a device without end."""
    place = Path("/dev/zero") if kind == "device" else tmp_path / "odd.pem"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "huge":
        with place.open("wb") as file:
            file.truncate(17 * 1024 * 1024)
    said = "it has more than 16777216 octets" if kind == "huge" else "it is no regular file"
    api = f'[api]\ntls = "cert"\ntls_certificate = "{place}"\ntls_key = "{place}"\n'
    found = problems(MINIMUM + api).problems
    assert [problem.option for problem in found] == ["api.tls_certificate", "api.tls_key"]
    assert all(f"{place} can't be read ({said}); name a PEM file" in problem.cure for problem in found)
    (problem,) = problems(MINIMUM + f'[api]\ntls = "acme"\n[certificate]\nca_bundle = "{place}"\n').problems
    assert (problem.option, said in problem.cure) == ("certificate.ca_bundle", True)


def test_long_values_are_cut(problems):
    """A line of a megabyte helps nobody."""
    assert len(str(problems(MINIMUM + f'[log]\nlevel = "{"x" * 100_000}"\n'))) < 300


def test_control_characters_do_not_reach_the_terminal(problems):
    """Keys and values are escaped, so that one problem is one line."""
    text = str(problems(MINIMUM + '"a\\nb" = 1\n[log]\nlevel = "\\u001b[31m"\n'))
    assert len(text.splitlines()) == 2
    assert text.isprintable() or text.replace("\n", "").isprintable()


def test_without_a_file_the_environment_is_enough(tmp_path, monkeypatch):
    """No file at all is fine where the environment gives zone and address."""
    monkeypatch.setattr("acmedns_py.config.files.find", lambda _path: None)
    found = load(
        None, {"ACMEDNS_ZONE__NAME": "auth.example.org", "ACMEDNS_ZONE__ADDRESSES": "198.51.100.1,2001:db8::1"}
    )
    assert found.path is None
    assert [str(address) for address in found.settings.zone.addresses] == ["198.51.100.1", "2001:db8::1"]


def test_neither_file_nor_environment_is_one_problem(monkeypatch):
    """It says where files are looked for."""
    monkeypatch.setattr("acmedns_py.config.files.find", lambda _path: None)
    with pytest.raises(ConfigProblems) as caught:
        load(None, {})
    (problem,) = caught.value.problems
    assert "/etc/acmedns/config.toml" in problem.cure
    assert "ACMEDNS_ZONE__NAME" in problem.cure


def test_unreadable_file_is_the_only_problem(tmp_path):
    """Nothing can be said of options that were not read."""
    with pytest.raises(ConfigProblems) as caught:
        load(tmp_path / "none.toml", {})
    assert [problem.value for problem in caught.value.problems] == [str(Path(tmp_path / "none.toml"))]
