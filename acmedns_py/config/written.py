"""A configuration as the text of a TOML file, with a comment above each option."""

import json
from collections.abc import Iterator, Mapping

HEAD = """# Configuration of acmedns. "acmedns config check" names everything that is wrong with it, "acmedns records"
# prints the DNS records that others need. config.example.toml, in the source, explains every option.
"""

_COMMENTS = {
    "zone.name": "The zone that this server answers for; the zone above delegates it here.",
    "zone.addresses": "The public addresses of this server, as the Internet sees them.",
    "zone.nameservers": "The names of this server in the DNS, the primary one first.",
    "zone.admin": "The mailbox of who looks after the zone.",
    "zone.records": "More records, as lines of a zone file; names without a final dot are completed by the zone.",
    "dns.listen": "The addresses of this host to answer on; others hold port 53 of the rest.",
    "api.listen": "Where the HTTP API is served.",
    "api.tls": '"none": plain HTTP, for a proxy. "cert": HTTPS with these files. "acme": with its own certificate.',
    "api.use_header": "Take the client's address from X-Forwarded-For, which the proxy sets, or adds it to.",
    "api.trusted_proxies": "The addresses of the proxy, and nothing else: what comes from there is believed.",
    "api.hostnames": "The host names of the API.",
    "api.registration": 'Who may register: "open" everyone, "token" who shows a registration token, "off" no one.',
    "check.api_url": "By which URL clients reach the API through the proxy; acmedns check goes there.",
    "database.url": "Where accounts and values are kept.",
    "database.password": "The password of the database; keep this file from others.",
}


def toml(document: Mapping[str, Mapping[str, object]]) -> str:
    """Give the file; values are texts, whole numbers, truths, and lists of them."""
    sections = ("\n".join((f"\n[{section}]\n", *_options(section, options))) for section, options in document.items())
    return HEAD + "".join(sections)


def _options(section: str, options: Mapping[str, object]) -> Iterator[str]:
    for key, value in options.items():
        comment = _COMMENTS.get(f"{section}.{key}")
        above = f"# {comment}\n" if comment is not None else ""
        yield f"{above}{key} = {_value(value)}\n"


def _value(value: object) -> str:
    # JSON's texts are basic strings of TOML but for DEL, which only JSON lets stand as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
