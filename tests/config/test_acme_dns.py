"""An acme-dns file: both samples unchanged, each key translated, each difference said, wrong values refused."""

from pathlib import Path

import pytest

from acmedns_py.config.load import load

DATA = Path(__file__).parents[1] / "data" / "acme_dns"
V2 = (DATA / "v2.cfg").read_text()

LOOPBACK = "general.listen"


def with_value(key: str, value: str) -> str:
    """Give the v2 file with one key set otherwise, or taken out."""
    lines = V2.replace(
        'records = [\n    "auth.example.org. A 198.51.100.1",\n    "auth.example.org. NS auth.example.org.",\n]',
        'records = ["auth.example.org. A 198.51.100.1", "auth.example.org. NS auth.example.org."]',
    ).splitlines()
    assert any(line.startswith(f"{key} = ") for line in lines), key
    return "\n".join(
        line if not line.startswith(f"{key} = ") else f"{key} = {value}" if value else "" for line in lines
    )


def test_v2_sample_is_accepted_unchanged():
    """Every value of the file arrives; the one warning is of the address that no CA reaches."""
    loaded = load(DATA / "v2.cfg", {})
    settings = loaded.settings
    assert (settings.zone.name, settings.zone.nameservers, settings.zone.admin) == (
        "auth.example.org",
        ["auth.example.org"],
        "admin.example.org",
    )
    assert [str(address) for address in settings.zone.addresses] == ["198.51.100.1"]
    assert (settings.dns.listen, settings.dns.protocol) == (["127.0.0.1:53"], "both")
    assert (settings.api.listen, settings.api.tls, settings.api.registration) == (["0.0.0.0:443"], "none", "open")
    assert settings.api.cors_origins == ["*"]
    assert settings.database.url == "sqlite:///acme-dns.db"
    assert (settings.log.level, settings.log.format, settings.log.destination) == ("info", "json", "stdout")
    assert loaded.derived == ("auth.example.org. 30 SOA auth.example.org. admin.example.org. 0 14400 3600 604800 30",)
    assert len(loaded.static) == 3
    (warning,) = loaded.warnings
    assert LOOPBACK in warning


def test_v1_sample_is_taken_as_it_is(loaded):
    """All of it is understood, with the certificate from Let's Encrypt's staging CA."""
    found = loaded((DATA / "v1.cfg").read_text())
    assert len(found.warnings) == 1
    settings = found.settings
    assert settings.api.tls == "acme"
    assert settings.certificate.directory == "https://acme-staging-v02.api.letsencrypt.org/directory"
    assert (settings.log.level, settings.log.format) == ("debug", "console")
    assert settings.database.url == "sqlite:////var/lib/acme-dns/acme-dns.db"


@pytest.mark.parametrize(
    ("key", "value", "section", "option", "ours"),
    [
        ("listen", '"0.0.0.0:53"', "dns", "listen", ["0.0.0.0:53"]),
        ("listen", '":5353"', "dns", "listen", ["0.0.0.0:5353", "[::]:5353"]),
        ("listen", '"[::]:53"', "dns", "listen", ["0.0.0.0:53", "[::]:53"]),
        ("listen", '"localhost:53"', "dns", "listen", ["127.0.0.1:53"]),
        ("listen", '"[2001:db8::1]:53"', "dns", "listen", ["[2001:db8::1]:53"]),
        ("listen", "", "dns", "listen", ["0.0.0.0:53", "[::]:53"]),
        ("protocol", '"udp4"', "dns", "protocol", "udp4"),
        ("domain", '"AUTH.example.org."', "zone", "name", "auth.example.org"),
        ("nsadmin", '"admin@example.org"', "zone", "admin", "admin.example.org"),
        ("ip", '""', "api", "listen", ["0.0.0.0:443", "[::]:443"]),
        ("ip", '"::1"', "api", "listen", ["[::1]:443"]),
        ("port", "8443", "api", "listen", ["0.0.0.0:8443"]),
        ("disable_registration", "true", "api", "registration", "off"),
        ("corsorigins", '["https://*.example.org"]', "api", "cors_origins", ["https://*.example.org"]),
        ("header_name", '"X-Real-IP"', "api", "header_name", "X-Real-IP"),
        ("header_name", '""', "api", "header_name", "X-Forwarded-For"),
        ("hsts_max_age", "60", "api", "hsts_max_age", 60),
        ("hsts_include_subdomains", "true", "api", "hsts_include_subdomains", True),
        ("hsts_preload", "true", "api", "hsts_preload", True),
        ("engine", '"sqlite3"', "database", "url", "sqlite:///acme-dns.db"),
        ("loglevel", '"warning"', "log", "level", "warning"),
        ("loglevel", '"warn"', "log", "level", "warning"),
        ("loglevel", '"ERROR"', "log", "level", "error"),
        ("loglevel", '"fatal"', "log", "level", "error"),
        ("logformat", '"text"', "log", "format", "console"),
        ("logtype", '"file"', "log", "file", Path("acme-dns.log")),
    ],
)
def test_key_is_translated(loaded, key, value, section, option, ours):
    """Each key's forms become our option."""
    settings = loaded(with_value(key, value)).settings
    assert getattr(getattr(settings, section), option) == ours


@pytest.mark.parametrize(
    ("key", "value", "warning"),
    [
        ("debug", "true", "general.debug"),
        ("use_header", "true", "api.use_header"),
        ("acme_cache_dir", '"/var/certs"', "api.acme_cache_dir"),
        ("notification_email", '"admin@example.org"', "api.notification_email"),
        ("hsts_enabled", "true", "api.hsts_enabled"),
        ("corsorigins", "[]", "api.corsorigins is not set"),
        ("corsorigins", '["app.example.org"]', "api.corsorigins[0]"),
        ("logtype", '"syslog"', "logconfig.logtype"),
        ("nsname", "", "general.nsname is not set"),
        ("nsadmin", '""', "general.nsadmin is not set"),
        ("connection", '"file:acme-dns.db?cache=shared"', "database.connection"),
        ("records", '["auth.example.org. A 198.51.100.1"]', "no NS record"),
        ("records", '["auth.example.org. NS auth.example.org."]', "no A or AAAA record of the nameserver"),
    ],
)
def test_difference_is_one_warning(loaded, key, value, warning):
    """What we do otherwise is said once, beside the address that no CA reaches."""
    found = [text for text in loaded(with_value(key, value)).warnings if LOOPBACK not in text]
    assert len(found) == 1, found
    assert warning in found[0]


@pytest.mark.parametrize(
    ("key", "value", "option"),
    [
        ("tls", '"yes"', "api.tls"),
        ("tls", '"cert"', "api.tls_cert_fullchain"),
        ("domain", "", "general.domain"),
        ("domain", '"a..b"', "general.domain"),
        ("nsname", '"a..b"', "general.nsname"),
        ("listen", '"eth0:53"', "general.listen"),
        ("protocol", '"quic"', "general.protocol"),
        ("port", '"https"', "api.ip, api.port"),
        ("port", "true", "api.port"),
        ("port", "", "api.port"),
        ("disable_registration", '"false"', "api.disable_registration"),
        ("records", '"auth.example.org. A 198.51.100.1"', "general.records"),
        ("engine", '"mysql"', "database.engine"),
        ("engine", "", "database.engine"),
        ("connection", '""', "database.connection"),
        ("connection", "5", "database.connection"),
        ("loglevel", '"loud"', "logconfig.loglevel"),
        ("logformat", '"xml"', "logconfig.logformat"),
    ],
)
def test_value_that_leaves_no_safe_way_is_refused_under_its_own_name(problems, key, value, option):
    """The operator reads the names that stand in the file."""
    assert option in [problem.option for problem in problems(with_value(key, value)).problems]


def test_use_header_trusts_loopback_and_private_proxies(loaded):
    """Not everyone, as acme-dns does: a client could send the header itself."""
    api = loaded(with_value("use_header", "true")).settings.api
    assert api.use_header
    assert "127.0.0.0/8" in [str(network) for network in api.trusted_proxies]
    assert not [network for network in api.trusted_proxies if not network.is_private]


def test_records_outside_the_zone_and_wrong_ones_are_skipped(loaded):
    """acme-dns skips what it can't read; what lies outside the zone is not ours to answer."""
    loaded = loaded(
        with_value(
            "records",
            """["auth.example.org. A 198.51.100.1", "auth.example.org. NS auth.example.org.", "auth.example.org. A x",
            "www.example.org. A 198.51.100.1", "auth.example.org. CNAME www.example.org.",
            "auth.example.org. SOA a. b. 1 2 3 4 5", "a.auth.example.org. CNAME b.", "a.auth.example.org. A 198.51.100.1"]""".replace(
                "\n", " "
            ),
        )
    )
    said = [text for text in loaded.warnings if "is not served" in text]
    assert [text.partition(" ")[0] for text in said] == [f"general.records[{index}]" for index in (2, 3, 4, 5, 6)]
    assert len(loaded.static) == 4


def test_names_without_final_dot_are_complete(loaded):
    """There is no origin but the root in an acme-dns file."""
    text = with_value(
        "records",
        '["auth.example.org A 198.51.100.1", "auth.example.org NS auth.example.org", "x.auth.example.org MX 5 mail"]',
    )
    static = {(item.owner, item.rrtype): item for item in loaded(text).static}
    owner = b"\x01x\x04auth\x07example\x03org\0"
    assert static[owner, 15].rdatas == (b"\x00\x05\x04mail\0",)
    assert (b"\x04auth\x07example\x03org\0", 1) in static


def test_nameserver_outside_the_zone_gives_the_public_address(loaded):
    """A usual layout: the server's own record stands in the file and is not served."""
    text = (
        with_value("nsname", '"ns.example.org"')
        .replace("auth.example.org. A", "ns.example.org. A")
        .replace("NS auth", "NS ns")
        .replace("NS ns.example.org.", "NS ns.example.org.")
    )
    loaded = loaded(text)
    assert [str(address) for address in loaded.settings.zone.addresses] == ["198.51.100.1"]
    assert any("outside the zone" in text for text in loaded.warnings)


def test_unknown_keys_and_sections_are_named_and_ignored(loaded):
    """acme-dns ignores them; the nearest known one is said."""
    warnings = loaded(V2.replace("debug = false", "debgu = true\nzzz = 1") + "[logs]\nx = 1\n").warnings
    assert "general.debgu: no such option, ignored; did you mean general.debug?" in warnings
    assert "general.zzz: no such option, ignored" in warnings
    assert any(text.startswith("logs: no such section") for text in warnings)


def test_keys_are_known_in_any_letter_case(loaded):
    """acme-dns's reader of TOML does not tell them apart."""
    text = V2.replace("[general]", "[General]").replace("domain =", "Domain =").replace("[api]", "[API]")
    assert loaded(text).settings.zone.name == "auth.example.org"


def test_sections_of_both_kinds_in_one_file_are_refused(problems):
    """Which of them holds would be a guess."""
    (problem,) = problems(V2 + '[zone]\nname = "auth.example.org"\n').problems
    assert problem.option == "zone"
    assert "[general]" in problem.cure


def test_environment_goes_before_an_acme_dns_file(loaded):
    """Our own variables hold over a translated file too."""
    assert loaded(V2, {"ACMEDNS_DNS__LISTEN": "auto"}).settings.dns.listen == ["auto"]


def test_environment_silences_what_is_said_of_the_keys_it_replaces(loaded):
    """The v1 sample as it is, with the two values that can't be used given by the environment."""
    text = (DATA / "v1.cfg").read_text()
    assert loaded(text, {"ACMEDNS_API__TLS": "none", "ACMEDNS_DNS__LISTEN": "auto"}).warnings == ()


def test_certificate_by_the_environment_needs_the_files_of_the_file(problems):
    """What the environment sets is checked with the rest."""
    found = problems((DATA / "v1.cfg").read_text(), {"ACMEDNS_API__TLS": "cert"})
    assert [(problem.option, problem.value) for problem in found.problems] == [
        ("api.tls_cert_fullchain", "/etc/tls/example.org/fullchain.pem"),
        ("api.tls_cert_privkey", "/etc/tls/example.org/privkey.pem"),
    ]


def test_key_that_makes_another_option_too_is_not_silenced(loaded):
    """`records` makes the addresses and the records."""
    text = with_value("records", '["auth.example.org. A 198.51.100.1"]')
    warnings = loaded(text, {"ACMEDNS_ZONE__ADDRESSES": "198.51.100.1"}).warnings
    assert any("no NS record" in text for text in warnings)


def test_certificate_without_files_asks_for_them(problems):
    """An empty path is none."""
    text = with_value("tls", '"cert"').replace("/etc/tls/example.org/privkey.pem", "")
    (problem,) = [item for item in problems(text).problems if item.option == "api.tls_cert_privkey"]
    assert str(problem.value) == "(not set)"


def test_one_wrong_value_is_one_problem(problems):
    """What follows from the refused `tls` is not told as well."""
    text = with_value("tls", '"yes"').replace("hsts_enabled = false", "hsts_enabled = true")
    assert [problem.option for problem in problems(text).problems] == ["api.tls"]


def test_own_certificate_of_acme_dns_becomes_ours(loaded):
    """The CA by its word, the folder and the address to write to by their keys."""
    text = with_value("tls", '"letsencrypt"').replace('notification_email = ""', 'notification_email = "a@example.org"')
    settings = loaded(text).settings
    assert (settings.api.tls, settings.api.hostnames) == ("acme", [])
    assert settings.certificate.directory == "https://acme-v02.api.letsencrypt.org/directory"
    assert (settings.certificate.state_dir, settings.certificate.contact) == (Path("api-certs"), "a@example.org")


def test_wrong_address_for_the_ca_is_refused_under_its_own_name(problems):
    """Where it is used; with another `tls` it has no effect and is a warning."""
    text = with_value("tls", '"letsencrypt"').replace('notification_email = ""', 'notification_email = "nobody"')
    assert [problem.option for problem in problems(text).problems] == ["api.notification_email"]


def test_hsts_stays_behind_a_proxy(loaded):
    """With use_header a proxy does HTTPS, and passes the header on."""
    text = with_value("use_header", "true").replace("hsts_enabled = false", "hsts_enabled = true")
    assert loaded(text).settings.api.hsts
