"""Tokens a second at full speed, and processor time a token."""

from dataclasses import dataclass

from tests.bench.processes import Fake, Process
from tests.bench.report import Row, thousands, watching
from tests.bench.targets import Burst, Target, ask_once, burst, median

OF_DIRECT, TIMES_PROXY, CPU_OF_PROXY = 0.25, 16.0, 0.1
PACE = 20.0
FLUSHED = 1e9  # tokens a second: never reached, so each is written by itself as soon as can be


@dataclass(frozen=True, slots=True)
class Load:
    """So many streams at once; tokens a stream for fast readers and for the slow proxy."""

    streams: int
    tokens: int
    proxy_tokens: int


LOADS = (Load(1, 20_000, 5_000), Load(16, 10_000, 1_000), Load(50, 4_000, 400))
QUICK_LOADS = (Load(1, 10_000, 1_000), Load(16, 2_000, 100), Load(50, 1_000, 40))


async def measure(
    fake: Fake, direct: Target, agent: Target, proxy: Target | None, *, quick: bool
) -> list[Row]:
    """Rows of tokens a second, then rows of processor time."""
    rows: list[Row] = []
    cpu: list[Row] = []
    for load in QUICK_LOADS if quick else LOADS:
        bursts: dict[str, list[Burst]] = {}
        with watching(*processes_of(direct, agent, proxy)) as others:
            for _ in range(2 if quick else 5):
                for target in (direct, agent):
                    one = await _burst(fake, target, load.streams, load.tokens, FLUSHED)
                    bursts.setdefault(target.name, []).append(one)
            if proxy is not None:
                one = await _burst(fake, proxy, load.streams, load.proxy_tokens, FLUSHED)
                bursts[proxy.name] = [one]
        rows.append(_speed(load, bursts))
        cpu.append(_cpu(f"{load.streams} streams, full speed", bursts))
        rows[-1].others = cpu[-1].others = others.cores
    cpu.append(await _paced(fake, direct, agent, proxy, seconds=3 if quick else 15))
    return [*rows, await _in_blocks(fake, agent, quick=quick), *cpu]


async def _in_blocks(fake: Fake, agent: Target, *, quick: bool) -> Row:
    """No model server sends like this. It shows what the agent takes when it is the narrow part."""
    with watching(fake.process, agent.process) as others:
        bursts = [await _burst(fake, agent, 1, 20_000) for _ in range(2 if quick else 5)]
    speed = median([one.per_second for one in bursts])
    return Row(
        "tokens a second",
        "1 stream, 64 tokens a write",
        thousands(speed),
        facts={"agent": speed},
        others=others.cores,
    )


async def in_one_burst(fake: Fake, target: Target, streams: int, tokens: int) -> Burst:
    """Each token written by itself, as fast as it is read."""
    return await _burst(fake, target, streams, tokens, FLUSHED)


async def _burst(
    fake: Fake, target: Target, streams: int, tokens: int, pace: float | None = None
) -> Burst:
    await fake.stream(16)
    await ask_once(target)
    await fake.stream(tokens, pace)
    return await burst(target, streams, tokens)


async def _paced(
    fake: Fake, direct: Target, agent: Target, proxy: Target | None, *, seconds: int
) -> Row:
    """No two tokens come together here, so that each costs the whole way."""
    bursts: dict[str, list[Burst]] = {}
    with watching(*processes_of(direct, agent, proxy)) as others:
        for target in (agent, proxy):
            if target is not None:
                one = await _burst(fake, target, 50, int(PACE) * seconds, PACE)
                bursts[target.name] = [one]
    row = _cpu("50 streams, 20 tokens/s each", bursts)
    row.others = others.cores
    return row


def _speed(load: Load, bursts: dict[str, list[Burst]]) -> Row:
    speeds = {name: median([one.per_second for one in many]) for name, many in bursts.items()}
    of_direct = speeds["agent"] / speeds["direct"]
    row = Row(
        "tokens a second",
        f"{load.streams} streams, full speed" if load.streams > 1 else "1 stream, full speed",
        thousands(speeds["agent"]),
        f"direct {thousands(speeds['direct'])}",
        f"{of_direct:.0%}",
        "25 % of direct, 16 × LiteLLM",
        facts=dict(speeds),
    )
    if "LiteLLM" not in speeds:
        row.yardstick += ", LiteLLM not measured"
        row.is_reached = None if of_direct >= OF_DIRECT else False
        return row
    times = speeds["agent"] / speeds["LiteLLM"]
    row.yardstick += f", LiteLLM {thousands(speeds['LiteLLM'])}"
    row.ratio += f", {times:.0f} ×"
    row.is_reached = of_direct >= OF_DIRECT and times >= TIMES_PROXY
    return row


def _cpu(under: str, bursts: dict[str, list[Burst]]) -> Row:
    used = {name: median([one.cpu_us for one in many]) for name, many in bursts.items()}
    row = Row(
        "processor time a token",
        under.replace("1 streams", "1 stream"),
        f"{used['agent']:.1f} µs",
        "LiteLLM not measured",
        reach="1/10 of LiteLLM",
        facts=used,
    )
    if "LiteLLM" in used:
        row.yardstick = f"LiteLLM {used['LiteLLM']:.0f} µs"
        row.ratio = f"1/{used['LiteLLM'] / used['agent']:.0f}"
        row.is_reached = used["agent"] < CPU_OF_PROXY * used["LiteLLM"]
    return row


def processes_of(*targets: Target | None) -> list[Process]:
    """Whose time is not that of others."""
    return [target.process for target in targets if target is not None]
