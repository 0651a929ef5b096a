"""The API's certificate exchanged under load: no request fails, open connections go on, new ones get the new one."""

import asyncio
import ssl
import time

from cryptography import x509

from acmedns_py.api.certificate import CertificateFiles
from acmedns_py.certificate.pem import self_signed
from acmedns_py.certificate.state import State
from tests.api.running import running
from tests.api.wire import request

CLIENTS = 20
EXCHANGES = 25
ASKED = request("GET", "/health")


async def connect(port):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return await asyncio.open_connection("127.0.0.1", port, ssl=context)


async def ask(reader, writer) -> str:
    """Give the status of one answer on an open connection."""
    writer.write(ASKED)
    head = await reader.readuntil(b"\r\n\r\n")
    return head.split()[1].decode()


async def leave(writer) -> None:
    writer.close()
    await writer.wait_closed()


async def test_exchange_under_load_fails_no_request(tmp_path):
    """Clients that keep their connections, and others that come anew each time, while the file is replaced."""
    state = State(tmp_path / "state")
    state.prepare()
    now = time.time()
    made = [self_signed([f"n{number}.example.org"], "p256", now) for number in range(EXCHANGES + 1)]
    state.keep_certificate(made[0])
    files = CertificateFiles(state.certificate_path, state.certificate_path)
    async with running(f"sqlite:///{tmp_path}/db", certificate=files) as api:
        ended = asyncio.Event()
        answers: list[str] = []
        serials: list[int] = []

        async def stay():
            reader, writer = await connect(api.port)
            while not ended.is_set():
                answers.append(await ask(reader, writer))
            await leave(writer)

        async def come_and_go():
            while not ended.is_set():
                reader, writer = await connect(api.port)
                octets = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                serials.append(x509.load_der_x509_certificate(octets).serial_number)
                answers.append(await ask(reader, writer))
                await leave(writer)

        async def exchange():
            for number, certificate in enumerate(made[1:], start=1):
                await asyncio.to_thread(state.keep_certificate, certificate)
                api.listener.reload_certificate()
                # So many more answers before the next one, however slow the machine.
                wanted = number * 100
                while len(answers) < wanted:
                    await asyncio.sleep(0.002)
            reader, writer = await connect(api.port)
            octets = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            assert x509.load_der_x509_certificate(octets).serial_number == made[-1].serial
            assert await ask(reader, writer) == "200"
            await leave(writer)
            ended.set()

        started = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CLIENTS):
                tasks.create_task(stay())
            tasks.create_task(come_and_go())
            tasks.create_task(exchange())
        seconds = time.monotonic() - started
    print(
        f"{len(answers)} answers in {seconds:.1f} s, {len(serials)} handshakes, {len(set(serials))} certificates seen"
    )
    assert len(answers) >= EXCHANGES * 100
    assert set(answers) == {"200"}
    # In the order in which they were put there, never an older one after a newer one.
    order = [certificate.serial for certificate in made]
    assert [order.index(serial) for serial in serials] == sorted(order.index(serial) for serial in serials)
