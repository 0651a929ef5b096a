"""The word to systemd: what is sent, and that nobody who listens badly can hold the service up."""

import socket

from acmedns_py.service.notify import notify


def test_a_listener_that_does_not_read_holds_nobody_up(tmp_path, monkeypatch):
    """What it had room for is there; what it had not is lost, however much comes."""
    path = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        notify("READY=1")
        # More than any queue of datagrams is long.
        for _ in range(2_000):
            notify("RELOADING=1")
        assert listener.recv(100) == b"READY=1"


def test_nobody_who_listens_is_no_error(tmp_path, monkeypatch):
    """Neither no socket, nor no name of one."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("READY=1")
