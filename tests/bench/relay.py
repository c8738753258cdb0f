"""Tokens a second through the routes of other people's clients, at full speed."""

from dataclasses import dataclass

import orjson

from tests.bench.connection import Connection
from tests.bench.processes import MODEL, Agent, Fake
from tests.bench.report import Row, thousands, watching
from tests.bench.targets import QUESTION, Burst, CountingAsker, Target, median
from tests.bench.tokens import LOADS, QUICK_LOADS, Load, in_one_burst, processes_of

MESSAGES = [{"role": "user", "content": QUESTION}]


@dataclass(frozen=True, slots=True)
class Shape:
    """A way in: its path, what marks a token there, and how far it has to reach."""

    name: str
    path: str
    needle: bytes
    of_direct: float
    times_proxy: float


OLLAMA = Shape("Ollama-shaped", "/ollama/api/chat", b'"done":false', 0.5, 35)
OPENAI = Shape("OpenAI-shaped", "/v1/chat/completions", b'"delta":{"content":', 0.4, 25)


class Relay:
    """The agent, as a client of this shape sees it."""

    def __init__(self, agent: Agent, shape: Shape) -> None:
        self.name, self.process, self.shape = shape.name, agent.process, shape
        self._agent = agent

    async def asker(self) -> CountingAsker:
        connection = await Connection.open(self._agent.url)
        body = orjson.dumps({"model": MODEL, "messages": MESSAGES, "stream": True})
        request = connection.request("POST", self.shape.path, body, self._agent.token)
        return CountingAsker(connection, request, self.shape.needle)


async def measure(
    fake: Fake, direct: Target, agent: Agent, proxy: Target | None, *, quick: bool
) -> list[Row]:
    """A row for each shape and number of streams."""
    relays = [Relay(agent, OLLAMA), Relay(agent, OPENAI)]
    rows: list[Row] = []
    for load in QUICK_LOADS if quick else LOADS:
        bursts: dict[str, list[Burst]] = {}
        with watching(*processes_of(direct, relays[0], proxy)) as others:
            for _ in range(2 if quick else 5):
                for target in (direct, *relays):
                    one = await in_one_burst(fake, target, load.streams, load.tokens)
                    bursts.setdefault(target.name, []).append(one)
            if proxy is not None:
                one = await in_one_burst(fake, proxy, load.streams, load.proxy_tokens)
                bursts[proxy.name] = [one]
        rows += [_row(relay.shape, load, bursts, others.cores) for relay in relays]
    return rows


def _row(shape: Shape, load: Load, bursts: dict[str, list[Burst]], others: float) -> Row:
    speeds = {name: median([one.per_second for one in many]) for name, many in bursts.items()}
    mine, direct, proxy = speeds[shape.name], speeds["direct"], speeds.get("LiteLLM")
    is_reached: bool | None = mine >= shape.of_direct * direct
    yardstick, ratio = f"direct {thousands(direct)}", f"{mine / direct:.0%}"
    if proxy is None:
        yardstick += ", LiteLLM not measured"
        is_reached = None if is_reached else False
    else:
        yardstick += f", LiteLLM {thousands(proxy)}"
        ratio += f", {mine / proxy:.0f} ×"
        is_reached = is_reached and mine >= shape.times_proxy * proxy
    return Row(
        f"tokens a second, {shape.name}",
        f"{load.streams} stream{'s' * (load.streams > 1)}, full speed",
        thousands(mine),
        yardstick,
        ratio,
        f"{shape.of_direct:.0%} of direct, {shape.times_proxy:g} × LiteLLM".replace("0%", "0 %"),
        is_reached,
        speeds,
        others,
    )
