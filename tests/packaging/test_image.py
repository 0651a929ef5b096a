"""The image, built as the Dockerfile says and run: what it serves, as whom, and what it does not hold."""

import json
from collections.abc import Iterator

import pytest

from tests.packaging.image import ADDRESSES, Container, Images
from tests.server import value

UID = 10053
SOA = "auth.example.org. hostmaster.auth.example.org."


@pytest.fixture
def container(images: Images, image: str) -> Iterator[Container]:
    """A container, not yet started."""
    made = Container(images, image, ipv6=True)
    yield made
    made.close()


def test_it_serves_with_a_zone_and_addresses_alone(container: Container):
    """Two variables are the whole configuration; DNS answers on each address of the container, the API too."""
    container.start()
    for address in ("127.0.0.1", *ADDRESSES):
        for transport in ("+notcp", "+tcp"):
            assert container.dig(address, transport, "auth.example.org", "SOA").startswith(SOA)
    for host in ("198.51.100.10", "[2001:db8::10]"):
        assert json.loads(container.curl(f"http://{host}:8080/health/ready"))["ready"] is True


def test_an_account_outlives_the_server(container: Container):
    """Registered and set by the API, answered over DNS, and again by the next server on the same volume."""
    first = container.start()
    base = f"http://{ADDRESSES[0]}:8080"
    account = json.loads(container.curl("--request", "POST", f"{base}/register"))
    container.curl(
        *("--header", f"X-Api-User: {account['username']}", "--header", f"X-Api-Key: {account['password']}"),
        *("--data", json.dumps({"subdomain": account["subdomain"], "txt": value(1)}), f"{base}/update"),
    )
    assert container.dig(ADDRESSES[0], account["fulldomain"], "TXT") == f'"{value(1)}"'
    container.processes(first)[0].terminate()
    first.communicate(timeout=30)
    container.start()
    assert container.dig(ADDRESSES[0], account["fulldomain"], "TXT") == f'"{value(1)}"'


def test_every_process_is_the_unprivileged_user(container: Container):
    """Control process and workers run as the image's own user and group, without a capability."""
    processes = container.processes(container.start())
    assert len(processes) >= 3
    for process in processes:
        assert set(process.uids()) == set(process.gids()) == {UID}
        with open(f"/proc/{process.pid}/status") as status:
            assert "CapEff:\t0000000000000000\n" in status.readlines()


def test_the_health_check_follows_the_server(container: Container):
    """What Docker runs as health check is well while the server runs, and names what is silent when it has stopped."""
    kind, *check = container.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    started = container.start()
    while_running = container.run(*check)
    assert (while_running.returncode, while_running.stdout) == (
        0,
        "healthy: DNS and API answer, zone auth.example.org\n",
    )
    container.processes(started)[0].terminate()
    started.communicate(timeout=30)
    afterwards = container.run(*check)
    assert afterwards.returncode == 1
    assert afterwards.stdout.startswith("unhealthy: DNS 0.0.0.0:8053 UDP: Connection refused; ")
    assert "API [::]:8080: Connection refused" in afterwards.stdout
    assert afterwards.stdout.count("\n") == 1


def test_the_stop_signal_ends_it_cleanly(container: Container):
    """The image's stop signal, sent to the entry point, gives exit code 0 and leaves no process."""
    assert container.config["StopSignal"] == "SIGTERM"
    started = container.start()
    control, *workers = container.processes(started)
    control.terminate()
    printed, _ = started.communicate(timeout=30)
    assert started.returncode == 0, printed
    assert not any(worker.is_running() for worker in workers)


def test_a_container_without_ipv6_serves(images: Images, image: str):
    """Docker's default network has IPv6 switched off: the wildcards of the image then mean IPv4 alone."""
    container = Container(images, image, ipv6=False)
    try:
        container.start()
        assert container.dig(ADDRESSES[0], "auth.example.org", "SOA").startswith(SOA)
        assert container.run("acmedns", "health").returncode == 0
    finally:
        container.close()


def test_its_workers_drain_udp_by_the_compiled_module(container: Container):
    """Built where there is a compiler, for the Python that runs it."""
    said = container.run(
        "/opt/acmedns/bin/python", "-I", "-c", "from acmedns_py.worker import udp; print(udp.DRAINED_BY)"
    )
    assert (said.returncode, said.stdout) == (0, "batch\n")


def test_it_holds_nothing_to_build_with(container: Container):
    """No compiler and no installer came along, neither as program nor as module."""
    programs = "cc gcc g++ cpp as ld make pip pip3 easy_install git"
    found = container.run("sh", "-c", f"for program in {programs}; do command -v $program; done; true")
    assert (found.returncode, found.stdout) == (0, "")
    for python in ("/usr/bin/python3", "/opt/acmedns/bin/python"):
        for module in ("pip", "setuptools", "ensurepip"):
            assert f"No module named {module}" in container.run(python, "-m", module).stderr


def test_the_program_can_write_its_data_and_nothing_else(container: Container):
    """Of all directories, only the volume and those for passing files belong to the user or to everybody."""
    find = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -type d -writable -print"
    found = container.run("sh", "-c", f"{find} 2>/dev/null; true").stdout.split()
    for_everybody = {"/tmp", "/var/tmp", "/run/lock"}
    assert set(found) - for_everybody == {"/var/lib/acmedns"}


def test_what_orchestrators_read(container: Container):
    """A user by number, for Kubernetes; the volume and the ports."""
    config = container.config
    assert config["User"] == f"{UID}:{UID}"
    assert list(config["Volumes"]) == ["/var/lib/acmedns"]
    assert set(config["ExposedPorts"]) == {"8053/udp", "8053/tcp", "8080/tcp"}
