"""Run in a network namespace with an interface `near`: asks from port 0, and at the link-local address of `near`.

Argument: the name of the function that drains.
"""

import socket
import struct
import sys

from tests.worker.draining import door, named, unchanged


def main() -> None:
    """Print "answered" as the last line where everyone gets an answer who can."""
    drain = named(sys.argv[1])
    with (
        door("127.0.0.1", drain, wildcard=sys.argv[1] != "plain") as (here, client),
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw,
    ):
        client.send(b"before")
        raw.sendto(struct.pack("!4H", 0, here.port, 8 + 4, 0) + b"zero", ("127.0.0.1", 0))
        client.send(b"behind")
        ports = []

        def respond(octets: bytes, source: bytes, *_: object) -> bytes:
            ports.append(int.from_bytes(source[2:4], "big"))
            return octets

        sent, _ = here.drain(respond)
        assert ports == [client.getsockname()[1], 0, client.getsockname()[1]]
        assert sent == 2, "no answer can go to port 0"
        assert [client.recv(100), client.recv(100)] == [b"before", b"behind"]
    if sys.argv[1] != "plain":
        with door("fe80::1%near", drain, wildcard=True) as (here, client):
            client.send(b"near")
            assert here.drain(unchanged) == (1, False)
            assert client.recv(100) == b"near"
    print("answered")


main()
