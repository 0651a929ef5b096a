"""How often an address is asked: until it is known to be silent, until the questions are used up, until the time is over."""

import asyncio
import socket
from dataclasses import replace

import dns.message
import pytest

from acmedns_py.check.asking import SILENT_QUESTIONS, Asker, Limits
from acmedns_py.check.deadline import Deadline
from acmedns_py.check.facts import Problem, Question
from acmedns_py.dns import name
from acmedns_py.dns.codes import RRType

ADDRESS = "127.0.0.1"
QUICK = Limits(seconds=0.05, tries=2)
QUESTION = Question(name.from_text("example.org."), RRType.SOA)


class Socket(asyncio.DatagramProtocol):
    """Counts what comes; answers the first `answers` datagrams."""

    def __init__(self, answers: int = 0) -> None:
        self.came = 0
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Count, and answer or not."""
        self.came += 1
        if self.came <= self._answers:
            self._transport.sendto(dns.message.make_response(dns.message.from_wire(data)).to_wire(), addr)


@pytest.fixture
async def listening():
    """Give a function that opens such a socket, and gives it with its port."""
    opened = []

    async def listen(answers: int = 0) -> tuple[Socket, int]:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((ADDRESS, 0))
        transport, found = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Socket(answers), sock=sock)
        opened.append(transport)
        return found, sock.getsockname()[1]

    yield listen
    for transport in opened:
        transport.close()


async def test_an_address_that_never_answers_is_not_asked_for_ever(listening):
    """However many hosts need it; what is told of it stays the same."""
    silent, port = await listening()
    asker = Asker(QUICK, port=port)
    answers = [await asker.ask(QUESTION, ADDRESS) for _ in range(SILENT_QUESTIONS + 5)]
    assert {answer.problem for answer in answers} == {Problem.TIMEOUT}
    assert silent.came == SILENT_QUESTIONS * QUICK.tries


@pytest.mark.parametrize("other", [{"payload": None}, {"qtype": RRType.NS}])
async def test_who_drops_edns_or_ns_is_still_asked_without(listening, other):
    """The one says nothing of the other."""
    silent, port = await listening()
    asker = Asker(QUICK, port=port)
    for _ in range(SILENT_QUESTIONS):
        await asker.ask(QUESTION, ADDRESS)
    before = silent.came
    await asker.ask(replace(QUESTION, **other), ADDRESS)
    assert silent.came > before


async def test_an_address_that_has_answered_once_is_asked_again_and_again(listening):
    """It may lose some, or not like some names."""
    flaky, port = await listening(answers=1)
    asker = Asker(replace(QUICK, seconds=0.3), port=port)
    assert (await asker.ask(QUESTION, ADDRESS)).problem is None
    for _ in range(SILENT_QUESTIONS + 1):
        await asker.ask(QUESTION, ADDRESS)
    assert flaky.came == 1 + (SILENT_QUESTIONS + 1) * QUICK.tries


async def test_nothing_is_asked_once_the_time_is_over(listening):
    """It is not the server that was silent."""
    now = [1000.0]
    there, port = await listening(answers=100)
    asker = Asker(deadline=Deadline(10, clock=lambda: now[0]), port=port)
    assert (await asker.ask(QUESTION, ADDRESS)).problem is None
    now[0] = 1010.0
    answer = await asker.ask(QUESTION, ADDRESS)
    assert (answer.problem, answer.unasked, there.came) == (Problem.TIME_OVER, True, 1)


async def test_who_was_given_less_time_is_not_called_silent(listening):
    """The check's time ended while it was waited for."""
    _, port = await listening()
    answer = await Asker(deadline=Deadline(0.05), port=port).ask(QUESTION, ADDRESS)
    assert answer.problem is Problem.TIME_OVER


async def test_questions_are_counted(listening):
    """The bound of the whole check."""
    there, port = await listening(answers=100)
    asker = Asker(Limits(in_all=2), port=port)
    problems = [(await asker.ask(QUESTION, ADDRESS)).problem for _ in range(4)]
    assert (problems, there.came) == ([None, None, Problem.LIMIT, Problem.LIMIT], 2)


async def test_work_that_takes_too_long_is_not_waited_for():
    """A thread can't be stopped, but be left alone."""
    ends = asyncio.Event()
    loop = asyncio.get_running_loop()
    with pytest.raises(TimeoutError, match="time of this check"):
        await Deadline(0.01).blocking(lambda: asyncio.run_coroutine_threadsafe(ends.wait(), loop).result())
    ends.set()


async def test_work_that_ends_in_time_gives_its_result_or_its_error():
    """As if it had been done here."""
    assert await Deadline(60).blocking(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await Deadline(60).blocking(lambda: 1 // 0)
