"""How much later the first token comes through the agent than directly."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.bench.connection import Reading
from tests.bench.processes import Fake, cores_apart
from tests.bench.report import Row, ms, watching
from tests.bench.targets import Asker, OneRequest, OrcaAgent, Target, ask_once, median, percentile

P50_S, P99_S = 0.003, 0.025
PACE = 20.0
QUESTIONS_EACH = 10  # in one conversation
TURNS = 4


@dataclass(frozen=True, slots=True)
class Firsts:
    """Seconds until the first token."""

    values: list[float]

    @property
    def p50(self) -> float:
        return median(self.values)

    @property
    def p99(self) -> float:
        return percentile(self.values, 99)


async def measure(
    fake: Fake, direct: Target, agent: OrcaAgent, proxy: Target | None, *, quick: bool
) -> list[Row]:
    """One stream after the other, then fifty at once."""
    rows = []
    single = OneRequest(agent)
    ours = [target.process for target in (direct, agent, proxy) if target is not None]
    targets, many = (direct, agent, single), 100 if quick else 400
    with watching(*ours) as others:
        firsts = await in_turns(sequential, fake, targets, 50 if quick else 400)
        if proxy is not None:
            firsts[proxy.name] = Firsts(await sequential(fake, proxy, 50))
    rows += [_row("1 stream", firsts, single), _row("1 stream, two requests", firsts, agent)]
    rows[-2].others = rows[-1].others = others.cores
    with watching(*ours) as others:
        crowd = await in_turns(crowded, fake, targets, many)
    rows.append(_row("50 streams, 20 tokens/s each", crowd, single))
    rows.append(_row("50 such streams, two requests", crowd, agent))
    rows[-2].others = rows[-1].others = others.cores
    with watching(*ours) as others, cores_apart([fake.process], [agent.process]) as is_apart:
        apart = await in_turns(crowded, fake, (direct, single), many) if is_apart else {}
    if apart:
        row = _row("50 such streams, agent and load on cores of their own", apart, single)
        # It tells where the time goes. What is wanted is wanted of a machine that all share.
        row.reach, row.is_reached, row.others = "", None, others.cores
        rows.append(row)
    return rows


async def in_turns(
    ask: Callable[[Fake, Target, int], Awaitable[list[float]]],
    fake: Fake,
    targets: Sequence[Target],
    count: int,
) -> dict[str, Firsts]:
    """As many questions of each, a part of them at a time: what the machine does meanwhile meets
    all of them alike."""
    found: dict[str, list[float]] = {target.name: [] for target in targets}
    for turn in range(TURNS):
        for target in targets if turn % 2 == 0 else reversed(targets):
            asked = count * (turn + 1) // TURNS - count * turn // TURNS
            found[target.name] += await ask(fake, target, asked)
    return {name: Firsts(values) for name, values in found.items()}


async def sequential(fake: Fake, target: Target, count: int) -> list[float]:
    """One stream after the other."""
    # The second token comes late enough not to be mistaken for the first.
    await fake.stream(4, 200.0)
    for _ in range(20):
        await ask_once(target)
    values: list[float] = []
    while len(values) < count:
        asker = await target.asker()
        asked = min(QUESTIONS_EACH, count - len(values))
        values += [(await asker.ask()).first_s for _ in range(asked)]
        asker.close()
    return values


async def crowded(fake: Fake, target: Target, count: int) -> list[float]:
    """Streams of three seconds begin evenly spread, so that fifty of them live at any time;
    those that began before that do not count."""
    streams, lasts_s = 50, 3.0
    await fake.stream(int(PACE * lasts_s), PACE)
    await ask_once(target)
    askers = [await target.asker() for _ in range(streams + count)]
    tasks: list[asyncio.Task[Reading]] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, asker in enumerate(askers):
        await asyncio.sleep(max(0.0, began + number * lasts_s / streams - loop.time()))
        tasks.append(asyncio.create_task(_ask(asker)))
    readings = await asyncio.gather(*tasks)
    return [reading.first_s for reading in readings[streams:]]


async def _ask(asker: Asker) -> Reading:
    try:
        return await asker.ask()
    finally:
        asker.close()


def _row(under: str, firsts: dict[str, Firsts], target: Target) -> Row:
    direct, agent = firsts["direct"], firsts[target.name]
    p50, p99 = agent.p50 - direct.p50, agent.p99 - direct.p50
    yardstick = f"direct p50 {ms(direct.p50)}, p99 {ms(direct.p99)}"
    facts = {"added p50": p50, "added p99": p99, "direct p50": direct.p50, "direct p99": direct.p99}
    if proxy := firsts.get("LiteLLM"):
        yardstick += f"; LiteLLM adds p50 {ms(proxy.p50 - direct.p50)}"
        facts["LiteLLM added p50"] = proxy.p50 - direct.p50
    return Row(
        "first token, added time",
        f"{under}, {len(agent.values)} questions",
        f"p50 {ms(p50)}, p99 {ms(p99)}",
        yardstick,
        "",
        "p50 < 3 ms, p99 < 25 ms",
        p50 < P50_S and p99 < P99_S,
        facts,
    )
