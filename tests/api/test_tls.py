"""The API over TLS: protocol versions, and certificates exchanged while it runs."""

import asyncio
import os
import ssl

import pytest
import structlog
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from acmedns_py.api import connection, listen
from acmedns_py.api.certificate import CertificateFiles
from acmedns_py.errors import ConfigError
from tests.api.running import running
from tests.api.wire import Wire, request

# On SQLite only: what is tested here ends before a database is asked.


class Pair:
    """A certificate's files, and the client that trusts their authority."""

    def __init__(self, folder):
        self.authority = trustme.CA()
        self.certificate = folder / "cert.pem"
        self.key = folder / "key.pem"
        self.client = ssl.create_default_context()
        self.authority.configure_trust(self.client)
        self.issue("first.example")

    def issue(self, name):
        """Write a certificate for localhost whose common name is `name`."""
        issued = self.authority.issue_cert("localhost", common_name=name)
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        self.key.write_bytes(issued.private_key_pem.bytes())

    def files(self):
        return CertificateFiles(self.certificate, self.key)


@pytest.fixture
def pair(tmp_path):
    return Pair(tmp_path)


async def served_name(port, client, **options):
    """The common name of the certificate that a handshake is answered with."""
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=client, **({"server_hostname": "localhost"} | options)
    )
    found = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return dict(entry[0] for entry in found["subject"])["commonName"]


async def test_tls_serves_the_api(sqlite_url, pair):
    """HTTP/1.1 over it, with keep-alive."""
    async with running(sqlite_url, certificate=pair.files()) as api:
        wire = await Wire.open(api.port, tls=pair.client)
        for _ in range(2):
            await wire.send(request("POST", "//register"))
            assert (await wire.reply()).status == 201
        await wire.close()


@pytest.mark.parametrize(
    ("version", "works"),
    [
        (ssl.TLSVersion.TLSv1_3, True),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_1, False),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_tls_1_2_is_the_least(sqlite_url, pair, version, works):
    """As acme-dns; the client would speak the old one."""
    pair.client.minimum_version = pair.client.maximum_version = version
    pair.client.set_ciphers("ALL:@SECLEVEL=0")
    async with running(sqlite_url, certificate=pair.files()) as api:
        if works:
            assert await served_name(api.port, pair.client) == "first.example"
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await served_name(api.port, pair.client)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_reload_serves_the_files_as_they_are(sqlite_url, pair, version):
    """New handshakes get the new certificate, with a server name or without; open connections go on."""
    pair.client.minimum_version = pair.client.maximum_version = version
    nameless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    nameless.check_hostname = False
    pair.authority.configure_trust(nameless)
    async with running(sqlite_url, certificate=pair.files()) as api:
        wire = await Wire.open(api.port, tls=pair.client)
        pair.issue("second.example")
        assert await served_name(api.port, pair.client) == "first.example"
        api.listener.reload_certificate()
        assert await served_name(api.port, pair.client) == "second.example"
        assert await served_name(api.port, nameless, server_hostname="") == "second.example"
        await wire.send(request("GET", "/health"))
        assert (await wire.reply()).status == 200
        await wire.close()


@pytest.mark.parametrize("damage", ["gone", "empty", "foreign key", "unreadable"])
async def test_wrong_files_change_nothing_and_are_logged(sqlite_url, pair, damage):
    """The certificate that works stays, and the log names the file."""
    async with running(sqlite_url, certificate=pair.files()) as api:
        if damage == "gone":
            pair.certificate.unlink()
        elif damage == "empty":
            pair.certificate.write_bytes(b"")
        elif damage == "foreign key":
            pair.key.write_bytes(pair.authority.issue_cert("other").private_key_pem.bytes())
        else:
            pair.key.unlink()
            pair.key.mkdir()
        with structlog.testing.capture_logs() as log:
            api.listener.reload_certificate()
        assert [(entry["event"], entry["log_level"]) for entry in log] == [("certificate_not_reloaded", "error")]
        assert str(pair.key if damage == "unreadable" else pair.certificate) in log[0]["problem"]
        assert await served_name(api.port, pair.client) == "first.example"


async def test_changed_files_are_noticed(sqlite_url, pair, monkeypatch):
    """Nobody needs to send a signal after a renewal."""
    monkeypatch.setattr(listen, "CERTIFICATE_CHECK_SECONDS", 0.01)
    files = pair.files()
    reloaded = asyncio.Event()
    reload = files.reload

    def noticed():
        reload()
        reloaded.set()

    files.reload = noticed
    async with running(sqlite_url, certificate=files) as api:
        pair.issue("second.example")
        async with asyncio.timeout(20):
            while await served_name(api.port, pair.client) != "second.example":
                await reloaded.wait()
                reloaded.clear()


def test_unchanged_files_are_not_read_again(pair):
    """And neither are files that can't be looked at."""
    files = pair.files()
    assert not files.changed()
    os.utime(pair.certificate, ns=(1, 1))
    assert files.changed()
    files.reload()
    assert not files.changed()
    pair.key.unlink()
    assert not files.changed()


def test_start_with_wrong_files_names_option_file_and_cure(tmp_path, pair):
    """One line, no question on the terminal for the password of a key."""
    with pytest.raises(ConfigError, match=r"api\.tls_certificate.*missing\.pem can't be read"):
        CertificateFiles(tmp_path / "missing.pem", pair.key)
    key = load_pem_private_key(pair.key.read_bytes(), None)
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")))
    with pytest.raises(ConfigError, match="the key is encrypted") as refused:
        pair.files()
    assert "\n" not in str(refused.value)


async def test_handshake_that_never_comes_ends(sqlite_url, pair, monkeypatch):
    """A listener for TLS has its limit before the first octet of HTTP."""
    monkeypatch.setattr(listen, "HANDSHAKE_SECONDS", 0.05)
    async with running(sqlite_url, certificate=pair.files()) as api:
        wire = await Wire.open(api.port)
        assert await wire.ended() == b""
        await wire.close()


async def test_handshake_that_never_comes_gives_its_place(sqlite_url, pair, monkeypatch):
    """It counts from the accepting on, and the oldest goes first."""
    monkeypatch.setattr(listen, "HANDSHAKE_SECONDS", 3_600.0)
    async with running(sqlite_url, certificate=pair.files(), most_connections=2) as api:
        stalled = [await Wire.open(api.port) for _ in range(2)]
        await stalled[0].send(b"\x16\x03\x01\x40\x00\x01")
        async with asyncio.timeout(20):
            client = await Wire.open(api.port, tls=pair.client)
        assert await stalled[0].ended() == b""
        assert len(api.listener._places) == 2
        async with asyncio.timeout(20):
            other = await Wire.open(api.port, tls=pair.client)
        assert await stalled[1].ended() == b""
        for wire in (client, other):
            await wire.send(request("GET", "/health"))
            assert (await wire.reply()).status == 200
        for wire in (client, other, *stalled):
            await wire.close()


async def test_stop_does_not_wait_for_handshakes(sqlite_url, pair, monkeypatch):
    """They have nothing to lose."""
    monkeypatch.setattr(listen, "HANDSHAKE_SECONDS", 3_600.0)
    async with running(sqlite_url, certificate=pair.files()) as api:
        stalled = await Wire.open(api.port)
        async with asyncio.timeout(20):
            while not len(api.listener._places):
                await asyncio.sleep(0)
            await api.listener.stop(3_600.0)
        assert await stalled.ended() == b""
        await stalled.close()


async def test_slow_head_ends_a_tls_connection(sqlite_url, pair, monkeypatch):
    """The same limit as on a plain listener."""
    async with running(sqlite_url, certificate=pair.files()) as api:
        monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.05)
        wire = await Wire.open(api.port, tls=pair.client)
        await wire.send(b"GET /hea")
        assert await wire.ended() == b""
        await wire.close()


async def test_plain_http_on_a_tls_listener_is_no_crash(sqlite_url, pair):
    """The connection ends, the next one is served."""
    async with running(sqlite_url, certificate=pair.files()) as api:
        wire = await Wire.open(api.port)
        await wire.send(request("GET", "/health"))
        await wire.ended()
        await wire.close()
        assert await served_name(api.port, pair.client) == "first.example"


async def test_certificate_that_openssl_alone_can_read_is_served_without_its_life(pair, sqlite_url):
    """In OpenSSL's own form (openssl x509 -trustout): handshakes work, and metrics lack what is not known."""
    assert pair.files().life() is not None
    pair.certificate.write_text(pair.certificate.read_text().replace(" CERTIFICATE", " TRUSTED CERTIFICATE"))
    files = pair.files()
    assert files.life() is None
    async with running(sqlite_url, certificate=files) as api:
        assert await served_name(api.port, pair.client) == "first.example"
