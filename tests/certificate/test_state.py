"""What is kept on disk: whole or absent, for this user alone, and nothing lost that can't be made again."""

import os
import time

import pytest

from acmedns_py.certificate import state as state_module
from acmedns_py.certificate.options import Wanted
from acmedns_py.certificate.pem import make_key, self_signed
from acmedns_py.certificate.rule import Pause
from acmedns_py.certificate.state import Order, State
from acmedns_py.errors import ConfigError, Unusable

DIRECTORY = "https://ca.example.org/dir"
WANTED = Wanted(("auth.example.org",), "p256", "", DIRECTORY)


@pytest.fixture
def state(tmp_path) -> State:
    state = State(tmp_path / "deep" / "state")
    state.prepare()
    return state


def files(state: State) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in state.certificate_path.parent.iterdir()}


def test_what_is_kept_is_found_again(state):
    """By another process too; the folder and its files are for this user alone."""
    kept = self_signed(WANTED.names, "p384", time.time())
    order = Order("https://ca.example.org/order/1", WANTED, make_key("p256").decode())
    pause = Pause(3, 1.5, 100.25, "the CA says no")
    state.keep_certificate(kept)
    state.keep_order(order)
    state.keep_pause(pause)
    key = state.account_key(DIRECTORY)
    folder = state.certificate_path.parent
    again = State(folder)
    again.prepare()
    assert (again.certificate(), again.order(), again.pause(7.0)) == (kept, order, pause)
    assert again.account_key(DIRECTORY) == key
    assert again.account_key("https://other.example.org/dir") != key
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    again.drop_order()
    assert again.order() is None


def test_empty_folder_has_nothing(state):
    assert (state.certificate(), state.order(), state.pause(0.0)) == (None, None, None)


@pytest.mark.parametrize("cut", [0, 1, 40, 200, -1, -30])
def test_damaged_account_key_is_named_and_left(state, cut):
    """One line with the file in it; no new key takes its place."""
    state.account_key(DIRECTORY)
    (path,) = state.certificate_path.parent.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:cut] if cut != -1 else b"\xff" + whole[40:])
    damaged = path.read_bytes()
    with pytest.raises(ConfigError, match="holds no whole private key") as caught:
        state.account_key(DIRECTORY)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == damaged


def damages() -> dict[str, bytes]:
    """Give files that can't be served, by what is wrong with them."""
    good = self_signed(WANTED.names, "p256", time.time()).pem
    key, _, certificate = good.partition(b"-----BEGIN CERTIFICATE-----")
    head = b"Directory: self-signed\n"
    return {
        "empty": b"",
        "foreign": good,
        "key alone": head + key,
        "certificate alone": head + b"-----BEGIN CERTIFICATE-----" + certificate,
        "of another key": head + make_key("p256") + b"-----BEGIN CERTIFICATE-----" + certificate,
        "cut": head + good[:-40],
        "binary": bytes(range(256)),
    }


@pytest.mark.parametrize("damage", damages())
def test_certificate_that_cannot_be_served_is_moved_aside(state, damage):
    """It is told in one line, kept, and a new one can be made."""
    octets = damages()[damage]
    state.certificate_path.write_bytes(octets)
    with pytest.raises(Unusable, match=r"certificate\.pem (holds|was not written)") as caught:
        state.certificate()
    assert "\n" not in str(caught.value)
    assert files(state) == {"certificate.pem": octets}
    assert state.set_aside() == "certificate.unusable"
    assert files(state) == {"certificate.unusable": octets}
    assert state.certificate() is None


@pytest.mark.parametrize("octets", [b"", b"{", b"[]", b'{"url":1}', b"\xff\xfe"])
def test_order_and_pause_that_cannot_be_read(state, octets):
    """Another order can be made; a pause was one, and a restart must not end it."""
    folder = state.certificate_path.parent
    (folder / "order.json").write_bytes(octets)
    (folder / "pause.json").write_bytes(octets)
    assert state.order() is None
    pause = state.pause(1000.0)
    assert pause is not None
    assert (pause.failures, pause.until) == (1, 1060.0)


def test_write_that_fails_leaves_what_was_there(state, monkeypatch):
    """As on a full disk: the old file is whole, and nothing lies beside it."""
    state.keep_pause(Pause(1, 1.0, 2.0, "first"))
    before = files(state)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state_module.os, "fsync", full)
    with pytest.raises(Unusable, match=r"pause\.json can't be written \(No space left on device\)"):
        state.keep_pause(Pause(2, 1.0, 2.0, "second"))
    assert files(state) == before


def test_what_a_killed_process_has_not_finished_goes(state):
    """There may be a key in it; what else lies there is not ours to remove."""
    folder = state.certificate_path.parent
    for name in (".certificate.pem.k1ll3d_x", ".order.json.abcdefgh", ".account-0123456789abcdef.pem.abcdefgh"):
        (folder / name).write_text("torn")
    (folder / ".other.pem.abcdefgh").write_text("another's")
    before = files(state)
    state.prepare()
    assert set(before) - set(files(state)) == {
        ".certificate.pem.k1ll3d_x",
        ".order.json.abcdefgh",
        ".account-0123456789abcdef.pem.abcdefgh",
    }


def test_place_that_is_no_directory(tmp_path):
    """One line that names the option."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"certificate\.state_dir"):
        State(tmp_path / "file").prepare()
    if os.geteuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(ConfigError, match="no file can be kept there"):
            State(tmp_path / "closed").prepare()


def test_no_secret_in_a_repr():
    """Neither key of a certificate, nor of an order."""
    kept = self_signed(WANTED.names, "p256", time.time())
    assert "PRIVATE" not in repr(kept)
    assert "PRIVATE" not in repr(Order("u", WANTED, kept.pem.decode()))
