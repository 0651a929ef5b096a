"""The CA: Pebble validating through a resolver of the lab, and the small private CA behind its HTTPS and our API's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509

from tests.lab.namespace import LabError, Namespace, Program
from tests.tools import peers

DIRECTORY = "https://127.0.0.1:14000/dir"


class Trust:
    """A CA of the lab for the HTTPS servers in it (not the one that Pebble issues from)."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.bundle = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.bundle)

    def issue(self, *names: str, **validity: datetime) -> tuple[Path, Path]:
        """Give certificate chain and key files for names or addresses; `not_before`, `not_after`: other than of now."""
        issued = self._ca.issue_cert(*names, **validity)
        chain, key = self._folder / f"{names[0]}.chain.pem", self._folder / f"{names[0]}.key.pem"
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return chain, key


def start_pebble(
    namespace: Namespace,
    trust: Trust,
    resolver: str,
    *,
    name: str = "pebble",
    settings: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> Program:
    """Start Pebble with all validation at work, asking `resolver`; gives it once it listens.

    `name` is that of its log, `settings` and `env` are more of its own.
    """
    chain, key = trust.issue("127.0.0.1", "localhost")
    configuration = namespace.folder / f"{name}.json"
    document = {
        "listenAddress": "127.0.0.1:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": str(chain),
        "privateKey": str(key),
        "httpPort": 5002,
        "tlsPort": 5001,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
        # Seconds that a client should wait before it looks again; Pebble's defaults of 3 and 5 are most of a run.
        "retryAfter": {"authz": 1, "order": 1},
        **(settings or {}),
    }
    configuration.write_text(json.dumps({"pebble": document}), encoding="utf-8")
    pebble = namespace.start(
        name,
        *(peers.need("pebble"), "-config", configuration, "-strict", "-dnsserver", f"{resolver}:53"),
        # It validates at once, and anew in every order: a reused authorization would prove nothing about us. It refuses
        # no nonce at random: certbot retries but once, and an order that fails by chance would prove nothing either.
        env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "0", **(env or {})},
    )
    pebble.wait_for("ACME directory available")
    return pebble


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a client got: the names in the certificate, who issued it, and its number."""

    names: frozenset[str]
    subject: str
    issuer: str
    serial: int


def read_certificate(path: Path) -> Certificate:
    """Read the first certificate of a PEM file; raises LabError when it is not from Pebble."""
    leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    certificate = Certificate(
        frozenset(names.get_values_for_type(x509.DNSName)),
        leaf.subject.rfc4514_string(),
        leaf.issuer.rfc4514_string(),
        leaf.serial_number,
    )
    if "Pebble Intermediate CA" not in certificate.issuer:
        raise LabError(f"{path} was issued by {certificate.issuer}, not by Pebble")
    return certificate
