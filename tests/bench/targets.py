"""What is compared: the fake upstream read directly, the agent's durable chat, LiteLLM."""

import asyncio
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from agent.chat.rules import system_text
from agent.guide.service import Guide
from agent.inference.ollama_wire import chat_body
from agent.inference.rules import ChatRequest, Message
from tests.bench.connection import BenchError, Connection, Reading
from tests.bench.litellm import LiteLLM
from tests.bench.processes import MODEL, Agent, Fake, Process

QUESTIONS = (
    "Why does PETG string between two towers, and what should be changed first?",
    "My first layer does not stick to the smooth sheet. What can I do about that?",
    "How do I find the right pressure advance for a flexible filament on this printer?",
    "The corners of a large ABS part lift off the bed after an hour. Is it the draught?",
    "Which layer height and line width suit a 0.6 nozzle for a strong bracket?",
    "There is ringing behind sharp edges since I raised the acceleration. How to measure it?",
    "Overhangs of sixty degrees curl up and the nozzle hits them. More fan, or slower?",
    "How long should nylon be dried, and at which temperature, before it prints well?",
    "The top surface has small holes above sparse infill. Which setting closes them?",
    "What does elephant foot mean, and how much should it be compensated by?",
    "Supports fuse to the part and leave scars. Which distance and pattern would you take?",
)
QUESTION = QUESTIONS[0]
CHAT = "/api/v1/conversations"


class Asker(Protocol):
    """One client with one connection."""

    async def ask(self) -> Reading: ...
    def close(self) -> None: ...


class Target(Protocol):
    """Something that relays tokens."""

    name: str
    process: Process

    async def asker(self) -> Asker:
        """Opens the connection and prepares what a question needs."""


@dataclass(slots=True)
class CountingAsker:
    """Sends the same bytes each time."""

    connection: Connection
    request: bytes
    needle: bytes

    async def ask(self) -> Reading:
        return await self.connection.count(self.request, self.needle)

    def close(self) -> None:
        self.connection.close()


class Direct:
    """The fake, asked with the very request that the agent would send it."""

    name = "direct"

    def __init__(self, fake: Fake) -> None:
        self.process, self._url = fake.process, fake.url
        guide = Guide.open()
        passages = [(one.title, one.text) for one in guide.search(QUESTION, limit=3)]
        guide.close()
        messages = (Message("system", system_text(None, passages)), Message("user", QUESTION))
        options = {"num_ctx": 8192, "num_predict": 2048}
        self._body = chat_body(ChatRequest(MODEL, messages, options, keep_alive="5m"))

    async def asker(self) -> Asker:
        connection = await Connection.open(self._url)
        request = connection.request("POST", "/api/chat", self._body)
        return CountingAsker(connection, request, b'"done":false')


class Proxy:
    """LiteLLM's route in OpenAI's shape."""

    name = "LiteLLM"

    def __init__(self, proxy: LiteLLM) -> None:
        self.process, self._url = proxy.process, proxy.url

    async def asker(self) -> Asker:
        connection = await Connection.open(self._url)
        messages = [{"role": "user", "content": QUESTION}]
        body = orjson.dumps({"model": "bench", "messages": messages, "stream": True})
        request = connection.request("POST", "/v1/chat/completions", body)
        return CountingAsker(connection, request, b'"content":')


@dataclass(slots=True)
class Conversation:
    """A client of the agent that posts a question, and then follows its run by another request."""

    connection: Connection
    token: str
    id: str
    run_id: str = ""
    asked: int = 0

    async def ask(self) -> Reading:
        began = time.perf_counter()
        request = await self.post()
        posted_s = time.perf_counter() - began
        told = await self.connection.count(request, b"event: token")
        return Reading(posted_s + told.first_s, posted_s + told.total_s, told.tokens)

    async def post(self) -> bytes:
        """Posts the question; answers the request that follows the run."""
        path = f"{CHAT}/{self.id}/messages"
        self.asked += 1
        body = {"content": QUESTIONS[self.asked % len(QUESTIONS)]}
        answer = await self.connection.fetch("POST", path, body, self.token)
        if answer.status != 202:
            raise BenchError(f"the agent answered {answer.status}: {answer.body!r}")
        said: Any = answer.json()  # Any: JSON
        self.run_id = said["run"]["id"]
        return self.connection.request(
            "GET", f"/api/v1/runs/{self.run_id}/events", token=self.token
        )

    def close(self) -> None:
        self.connection.close()


class OrcaAgent:
    """The durable chat."""

    name = "agent"

    def __init__(self, agent: Agent) -> None:
        self.process, self.agent = agent.process, agent

    async def asker(self) -> Conversation:
        connection = await Connection.open(self.agent.url)
        answer = await connection.fetch("POST", CHAT, {"model": MODEL}, self.agent.token)
        if answer.status != 201:
            raise BenchError(f"the agent answered {answer.status}: {answer.body!r}")
        return Conversation(connection, self.agent.token, str(answer.json()["id"]))


@dataclass(slots=True)
class EventsAtOnce:
    """A client of the agent whose answer to a question is the run's events."""

    conversation: Conversation
    asked: int = 0

    async def ask(self) -> Reading:
        one, self.asked = self.conversation, self.asked + 1
        body = orjson.dumps({"content": QUESTIONS[self.asked % len(QUESTIONS)]})
        path = f"{CHAT}/{one.id}/messages"
        request = one.connection.request("POST", path, body, one.token, "text/event-stream")
        return await one.connection.count(request, b"event: token")

    def close(self) -> None:
        self.conversation.close()


class OneRequest:
    """The durable chat, whose answer to the question is the run's events."""

    name = "agent, one request"

    def __init__(self, agent: OrcaAgent) -> None:
        self.process, self._agent = agent.process, agent

    async def asker(self) -> EventsAtOnce:
        return EventsAtOnce(await self._agent.asker())


async def ask_once(target: Target) -> Reading:
    """One question in a conversation of its own; what comes before it is not timed."""
    asker = await target.asker()
    try:
        return await asker.ask()
    finally:
        asker.close()


@dataclass(frozen=True, slots=True)
class Burst:
    """What many streams at once came to."""

    tokens: int
    seconds: float
    cpu_s: float

    @property
    def per_second(self) -> float:
        return self.tokens / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time a token."""
        return self.cpu_s / self.tokens * 1e6


async def burst(target: Target, streams: int, tokens: int) -> Burst:
    """So many streams at once, each to its last token. Raises BenchError if a token is lost."""
    askers = [await target.asker() for _ in range(streams)]
    try:
        cpu_s, began = target.process.cpu_s(), time.perf_counter()
        readings = await asyncio.gather(*(asker.ask() for asker in askers))
        seconds = time.perf_counter() - began
        used_s = target.process.cpu_s() - cpu_s
    finally:
        for asker in askers:
            asker.close()
    if odd := [one.tokens for one in readings if one.tokens != tokens]:
        raise BenchError(f"{target.name}: {len(odd)} of {streams} streams had {odd[0]} tokens")
    return Burst(sum(one.tokens for one in readings), seconds, used_s)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
