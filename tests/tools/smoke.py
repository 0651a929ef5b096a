"""Tries an installed `acmedns` (argument 1): serves, registers, updates, asks by DNS, stops.

Argument 2 is what must drain its UDP sockets, in the words of its log. Standard library only.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

API = "127.0.0.1:18080"
DNS = ("127.0.0.1", 18053)
VALUE = "x" * 43


def call(path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> dict[str, str]:
    """POST to the API and give the JSON answer."""
    request = urllib.request.Request(f"http://{API}{path}", data=body, headers=headers or {}, method="POST")
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        answer: dict[str, str] = json.load(response)
        return answer


def ask(fulldomain: str) -> bytes:
    """Ask for the TXT of a name and give the octets of the answer."""
    qname = b"".join(bytes([len(label)]) + label.encode() for label in fulldomain.split(".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(b"\0\1\0\0\0\1\0\0\0\0\0\0" + qname + b"\0\x10\0\1", DNS)
        return sock.recv(4096)


def main() -> None:
    """Run the smoke test; an AssertionError or the server's words say what is wrong."""
    environ = {**os.environ, "ACMEDNS_DNS__LISTEN": f"{DNS[0]}:{DNS[1]}", "ACMEDNS_API__LISTEN": API}
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen([sys.argv[1], "serve"], env=environ, stdout=log, stderr=log) as server,
    ):
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    account = call("/register")
                    break
                except OSError:
                    assert server.poll() is None, "the server stopped at its start"
                    assert time.monotonic() < deadline, "the server does not answer"
                    time.sleep(0.1)
            headers = {"X-Api-User": account["username"], "X-Api-Key": account["password"]}
            call("/update", json.dumps({"subdomain": account["subdomain"], "txt": VALUE}).encode(), headers)
            assert VALUE.encode() in ask(account["fulldomain"]), "the value is not served"
        finally:
            server.send_signal(signal.SIGTERM)
            stopped = server.wait(20)
            log.seek(0)
            printed = log.read()
            print(printed)
        assert stopped == 0, "the server did not stop cleanly"
        assert {json.loads(line)["udp"] for line in printed.splitlines() if '"udp"' in line} == {sys.argv[2]}
    print("the wheel registers, updates, serves and stops")


main()
