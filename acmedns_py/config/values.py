"""How each kind of value is read: addresses, names, mailboxes, origins, paths, database URLs.

Each reader takes what the file or the environment gave and raises `ValueError` whose text says what to do.
"""

import ipaddress
import re
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from pydantic import SecretStr

from acmedns_py.config.problems import nearest
from acmedns_py.dns import name
from acmedns_py.dns.policy import MAX_TOLD_OCTETS

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

LABEL_OCTETS: Final = 37
"""What a challenge name adds to its zone: one length octet and a UUID as text."""

DATABASE_PARAMETERS: Final = ("sslmode", "host", "port")
"""Parameters of a PostgreSQL URL that are used, as libpq names them."""

_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_BROADCAST: Final = ipaddress.IPv4Address("255.255.255.255")
_COOKIE_SECRET: Final = re.compile(r"[0-9a-fA-F]{32}")
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]{16,}={0,2}")
_MAIL: Final = re.compile(r"[!-+.-9;-?A-~-]+@[A-Za-z0-9.-]+")
"""One address without its rarer forms; a comma would begin a second one."""

_ACCOUNT_URL: Final = re.compile(r"https?://[\x21-\x3a\x3c-\x7e]+/[\x21-\x3a\x3c-\x7e]+")
"""Without a semicolon, which ends a parameter of CAA (RFC 8659 4.2)."""

_ISSUER: Final = re.compile(r"[a-z0-9]+(-+[a-z0-9]+)*(\.[a-z0-9]+(-+[a-z0-9]+)*)*")
"""An issuer-domain-name (RFC 8659 4.2)."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110 5.6.2)."""

_IGNORED: Final = re.compile(r"[a-z0-9-]+(:[^\x00-\x1f\x7f]+)?")
_QUERY_LOG: Final = re.compile(r"off|errors|names|1/[1-9]\d{0,8}", re.ASCII)

DURATION: Final = re.compile(r"(\d{1,6})(s|m|h|d|w)", re.ASCII)
UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
SHORTEST_SECONDS: Final = 60
OFF: Final = "off"


def address(value: object) -> IPAddress:
    """Read an address at which the Internet reaches this host."""
    return _reached(value, "write the address that the Internet sees")


def resolver(value: object) -> IPAddress:
    """Read the address of a resolver, which may be on this host."""
    return _reached(value, "write the address of the resolver itself, such as 127.0.0.1 or 9.9.9.9")


def _reached(value: object, cure: str) -> IPAddress:
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return value
    if not isinstance(value, str):
        raise ValueError('write an address in quotes, such as "198.51.100.1"')  # noqa: TRY004 - pydantic collects ValueError
    try:
        found = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError('this is no IP address; write one such as "198.51.100.1" or "2001:db8::1"') from None
    if found.is_unspecified or found.is_multicast or found == _BROADCAST or "%" in value:
        raise ValueError(f"no host is reached at this address; {cure}")
    if found.version == 6 and found.ipv4_mapped is not None:
        raise ValueError(f"no host is reached at this form of an address of IPv4; write {found.ipv4_mapped}")
    return found


def ignored_finding(value: str) -> str:
    """Check what names a finding to ignore: its id, or "ID:SUBJECT"; which ids there are is the check's to know."""
    if not _IGNORED.fullmatch(value):
        raise ValueError('write the id of a finding, or with its subject "host-no-alias:www.example.org"')
    return value


def network(value: object) -> IPNetwork:
    """Read a network; a single address is the network of itself, set host bits are cleared."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    if not isinstance(value, str):
        raise ValueError('write a network in quotes, such as "10.0.0.0/8"')  # noqa: TRY004 - pydantic collects ValueError
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError('this is no network; write one such as "10.0.0.0/8", "fd00::/8" or "127.0.0.1"') from None


def dns_listen(value: str) -> str:
    """Check a place to serve DNS: "auto", "ADDR", "ADDR:PORT", "[V6]" or "[V6]:PORT"."""
    if value != "auto":
        listen_address(value)
    return value


def api_listen(value: str) -> str:
    """Check a place to serve the API: "ADDR:PORT" or "[V6]:PORT"."""
    if listen_address(value)[1] is None:
        raise ValueError('the port is missing; write "127.0.0.1:8080" or "[::1]:8080"')
    return value


def listen_address(text: str) -> tuple[IPAddress, int | None]:
    """Read a literal address and its port, None where there is none."""
    cure = 'write "192.0.2.1:53", "[2001:db8::1]:53" or an address without a port'
    host, port = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"the bracket is not closed; {cure}")
        port = rest[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{host!r} is no IP address; {cure}") from None
    if not port:
        return found, None
    if not _is_port(port):
        raise ValueError(f"port {port!r} is no number from 1 to 65535; {cure}")
    return found, int(port)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536


def host_name(text: str) -> str:
    """Read the name of a zone or of a server; gives it folded, without the final dot."""
    bare = text.strip().strip("[]").removesuffix(".")
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        pass
    else:
        raise ValueError("this is an address; write a name here, and addresses in zone.addresses")
    wire = name.from_text(text)
    if wire == b"\0":
        raise ValueError("the root is no name for this; write a name such as auth.example.org")
    return name.to_text(wire).removesuffix(".")


def no_wildcard(text: str) -> str:
    """Check that the name of a server is that of one."""
    if text.startswith("*"):
        raise ValueError("a wildcard is no name that clients call; write the host names one by one")
    return text


def zone_name(text: str) -> str:
    """Read the zone's name; there must be room for a challenge name below it (RFC 1035 2.3.4)."""
    found = host_name(text)
    if found.startswith("*."):
        raise ValueError("a wildcard is no zone; write the name of the zone itself, such as auth.example.org")
    if len(name.from_text(found)) + LABEL_OCTETS > 255:
        raise ValueError("this name is too long: a name of 36 characters below it must fit into 255 octets")
    return found


def mailbox(text: str) -> str:
    """Read the zone's mailbox, with "@" or in the DNS form; gives the DNS form (RFC 1035 8) without the final dot."""
    if not text:
        return text
    local, at, domain = text.rpartition("@")
    if not at:
        return host_name(text)
    if not local:
        raise ValueError("the part before the @ is missing; write an address such as admin@example.org")
    return host_name(re.sub(r"([.\\])", r"\\\1", local) + "." + domain)


def origin(text: str) -> str:
    """Check an origin of CORS: "*", "https://app.example.org", or either with one "*" in it."""
    if text == "*":
        return text
    if text.count("*") > 1 or not re.fullmatch(r"(https?://)?[^/\s]+", text):
        raise ValueError('write "*" or an origin without a path, such as "https://app.example.org"')
    if "://" not in text and "*" not in text:
        raise ValueError(f'an origin starts with its scheme; write "https://{text}"')
    return text


def header(text: str) -> str:
    """Check the name of an HTTP header."""
    if not _TOKEN.fullmatch(text):
        raise ValueError('this is no name of a header; write one such as "X-Forwarded-For"')
    return text


def file_path(path: Path) -> Path:
    """Check the path of a file."""
    _without_nul(str(path))
    return path


def duration(text: str) -> str:
    """Check a duration of a minute or more, such as 15m, 1h or 30d; empty or 0 is none."""
    if 0 < seconds(text) < SHORTEST_SECONDS:
        raise ValueError(f"write at least {SHORTEST_SECONDS}s, or nothing")
    return text


def duration_or_off(text: str) -> str:
    """Check a duration of a minute or more, or "off"."""
    if text != OFF and seconds(text) < SHORTEST_SECONDS:
        raise ValueError(f'write at least {SHORTEST_SECONDS}s, or "{OFF}"')
    return text


def seconds(text: str) -> int:
    """Give the seconds of a duration; 0 for none."""
    if text in ("", "0"):
        return 0
    found = DURATION.fullmatch(text)
    if found is None:
        raise ValueError("write a duration such as 90s, 15m, 1h, 30d or 2w")
    return int(found[1]) * UNITS[found[2]]


def query_log(text: str) -> str:
    """Check which queries are to be logged."""
    if _QUERY_LOG.fullmatch(text) is None:
        raise ValueError('write "off", "errors", "names", or "1/100" for one query in a hundred')
    return text


def password(secret: SecretStr) -> SecretStr:
    """Check a password."""
    _without_nul(secret.get_secret_value())
    return secret


def cookie_secret(secret: SecretStr) -> SecretStr:
    """Check a secret of DNS cookies: 16 octets in hexadecimal digits."""
    if not _COOKIE_SECRET.fullmatch(secret.get_secret_value()):
        raise ValueError("a secret has 32 hexadecimal digits; make one by: openssl rand -hex 16")
    return secret


def hmac_key(secret: SecretStr) -> SecretStr:
    """Check the key of an external account binding: URL-safe base64 (RFC 8555 7.3.4)."""
    if not _BASE64URL.fullmatch(secret.get_secret_value()):
        raise ValueError("this is no URL-safe base64; write the key as the CA gave it")
    return secret


def directory_url(text: str) -> str:
    """Check the URL of a CA's directory."""
    try:
        parts = urlsplit(text)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        good = False
    if not good or not text.isprintable() or " " in text:
        raise ValueError('write the URL of its directory, such as "https://acme-v02.api.letsencrypt.org/directory"')
    return text


def api_url(text: str) -> str:
    """Check the URL that clients reach the API by; empty for none."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and parts.username is None and parts.port != 0 and not parts.query
        host_name(parts.hostname or "")
    except ValueError:
        good = not text
    if not good or not text.isprintable() or " " in text:
        raise ValueError('write the URL that clients are given, such as "https://auth.example.org"')
    return text


def account_url(text: str) -> str:
    """Check the URL of an account at a CA, which is compared to the letter (RFC 8657 3)."""
    if _ACCOUNT_URL.fullmatch(text) is None:
        raise ValueError('write the URL as the CA gave it, such as "https://ca.example/acct/17"')
    return text


def issuer(text: str) -> str:
    """Read the name by which a CA goes in CAA (RFC 8659 4.2); gives it folded, without the final dot."""
    found = host_name(text)
    if _ISSUER.fullmatch(found) is None:
        raise ValueError('write the name that the CA goes by in CAA records, such as "letsencrypt.org"')
    return found


def contact(text: str) -> str:
    """Check the mail address that a CA may write to; empty for none."""
    if text and not _MAIL.fullmatch(text):
        raise ValueError('write one mail address, such as "admin@example.org", or leave it out')
    return text


def without_repeats(names: list[str]) -> list[str]:
    """Give each name once, in the order in which they were written first."""
    return list(dict.fromkeys(names))


def told(text: str) -> str:
    """Check a text that is told to whoever asks; it has to fit into any response."""
    if len(text.encode()) > MAX_TOLD_OCTETS or not text.isprintable():
        raise ValueError(f"write at most {MAX_TOLD_OCTETS} octets of printable text")
    return text


def _without_nul(text: str) -> None:
    if "\0" in text:
        raise ValueError("there is a NUL character in this, which no system takes; leave it out")


def database_url(text: str) -> str:
    """Check the database's URL; gives it with the scheme `sqlite` or `postgresql`.

    The store takes what this lets pass as it is.
    """
    scheme, colon, rest = text.partition("://")
    if not colon or scheme not in ("sqlite", "postgresql", "postgres"):
        raise ValueError('write "sqlite:////PATH/FILE" or "postgresql://USER@HOST/NAME"')
    _without_nul(unquote(rest))
    if scheme == "sqlite":
        if not rest.startswith("/") or rest in ("/", "/:memory:") or rest.endswith("/"):
            raise ValueError(
                'write a file: "sqlite:////PATH/FILE" (four slashes), or "sqlite:///FILE" for a relative one'
            )
        if "?" in rest:
            raise ValueError("a file takes no parameters; leave out what follows the question mark")
        return text
    url = f"postgresql://{rest}"
    _check_postgresql(url)
    return url


def _check_postgresql(url: str) -> None:
    encode = "in user and password write @ : / ? # % as %40 %3A %2F %3F %23 %25, or use database.password"
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        port_is_good = False
        parts = urlsplit("postgresql:///x")
    if not port_is_good:
        raise ValueError(f"the port after the host is no number from 1 to 65535; {encode}")
    if not url.isprintable():
        raise ValueError(f"there is a control character in this; {encode}")
    if parts.fragment or "#" in url or "@" in parts.path or parts.netloc.count("@") > 1:
        raise ValueError(f"this can be read in two ways; {encode}")
    if not parts.path.strip("/"):
        raise ValueError('the name of the database is missing; write "postgresql://USER@HOST/NAME"')
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    for parameter, value in parameters:
        if parameter not in DATABASE_PARAMETERS:
            meant = nearest(parameter, DATABASE_PARAMETERS)
            hint = f"did you mean {meant}?" if meant else f"known are {', '.join(DATABASE_PARAMETERS)}"
            raise ValueError(f"the parameter {parameter!r} is not known; {hint}")
        if parameter == "sslmode" and value not in _SSL_MODES:
            raise ValueError(f"sslmode is one of {', '.join(_SSL_MODES)}")
        if parameter == "port" and not _is_port(value):
            raise ValueError("the parameter port is no number from 1 to 65535")
    if len(dict(parameters)) < len(parameters):
        raise ValueError("a parameter is given twice; leave one out")


def with_password(url: str, password: str) -> str:
    """Give a PostgreSQL URL that holds `password` in place of any other."""
    parts = urlsplit(url)
    userinfo, _, host = parts.netloc.rpartition("@")
    user = userinfo.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))
