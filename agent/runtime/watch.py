"""The loop that owns the child: looks around, starts it, watches it, and ends it when wished."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from agent.runtime import binary, owners, probe, record, rules, target
from agent.runtime.child import Child
from agent.runtime.launch import QUICK_S, Launcher
from agent.runtime.log_file import LogFile
from agent.runtime.record import Record
from agent.runtime.rules import Holder, Ollama, Pace, Sight, Sizing
from agent.runtime.target import Target
from agent.shared.clock import Clock, rfc3339, system_clock
from agent.shared.tasks import Tasks, running

log = logging.getLogger(__name__)

TOLD_LINES = 20
MISSES = 3
NEVER = "The agent starts no Ollama: ORCA_AGENT_MANAGE_OLLAMA is never."
STOPPED = "It was stopped, and stays so until it is started."


@dataclass(frozen=True, slots=True)
class Policy:
    """What a person decided about it."""

    manages: bool = True
    binary: Path | None = None
    memory_limit_bytes: int | None = None
    refusal: str | None = None  # why the server at the address may not be used at all


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rest of the program knows. `is_idle`: nobody waits for an answer just now."""

    sizing: Callable[[], Awaitable[Sizing]]
    is_idle: Callable[[], bool]
    models_loaded: Callable[[], int]


@dataclass(slots=True)
class Wish:
    """What people want: the loop fulfils it. `asked` means that it was not the agent's idea."""

    up: bool = True
    restart: bool = False
    asked: bool = False


class Watch:
    """Nobody else touches the child. `state` always says how it is; `changed` when it changes."""

    def __init__(
        self,
        url: str,
        data_dir: Path,
        log_dir: Path,
        policy: Policy,
        *,
        pace: Pace,
        clock: Clock = system_clock,
        monotonic: Callable[[], float] = time.monotonic,
        inherited: Mapping[str, str] = os.environ,
        moved: Callable[[str], None] | None = None,
    ) -> None:
        self.target, self.policy = Target.of(url), policy
        self.manages = policy.manages and self.target.is_here and not policy.refusal
        self.log_file = LogFile(log_dir / "ollama.log")
        self.wish = Wish()
        self.child: Child | None = None
        self.holder: Holder | None = None
        self.notice: str | None = None
        self._launcher = Launcher(self.target, data_dir, self.log_file, inherited)
        self._inherited, self._data_dir, self._pace = inherited, data_dir, pace
        self._clock, self._monotonic, self._moved = clock, monotonic, moved
        self._surplus: Child | None = None
        self._port = self.target.port
        self._failures = self._starts = self._stalls = self._misses = 0
        self._not_before = self._heard_at = self._began_at = -1e9
        self._weighed_at = self._recycled_at = -1e9
        self._poked, self._changed = asyncio.Event(), asyncio.Event()
        self._tasks = Tasks()
        self.state = Ollama("absent", url, "Not looked at yet.")
        if not self.manages:
            self.state = Ollama("off", url, self.why_off())

    async def prepare(self) -> str:
        """Takes up the child of an agent that was killed, or chooses a port for one to come;
        answers the address. Waits half a second at the most, for a program in the way."""
        left = await asyncio.to_thread(record.read, self._data_dir)
        if left is not None and record.lives(left.child):
            await self._take_up(left)
        elif left is not None:
            self._launcher.forget()
        if self.manages and self.child is None and self.binary():
            with suppress(OSError):  # no port at all: the start will say so
                self._port, self.notice = await target.port_for(self.target, QUICK_S)
            self.become(url=self.target.url_at(self._port))
        return self.state.url

    async def run(self, around: Surroundings) -> None:
        """The loop. Whatever the child does, this goes on until it is cancelled."""
        if self._surplus is not None:
            await self._surplus.end(self._pace.grace_s)
            self._surplus = None
        if not self.manages:
            return
        async with running(log=self.log_file.run()):
            while True:
                delay = await self._turn(around)
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._poked.wait()
                self._poked.clear()

    async def close(self) -> None:
        """Ends the child, and nobody else's server. For when `run` has ended."""
        self.log_file.close()
        if self._surplus is not None:
            await self._surplus.end(self._pace.grace_s)
        await self.drop_child("the agent ends")
        await self._tasks.close()

    def poke(self) -> None:
        """Lets the loop look at once."""
        self._poked.set()

    def stalled(self) -> None:
        """Counts a model that said nothing for too long."""
        if self.child is not None:
            self._stalls += 1
            self.poke()

    def forgive(self) -> None:
        """Failures of the past do not count any more."""
        self._failures, self._not_before = 0, -1e9

    async def until(self, holds: Callable[[], bool], patience_s: float) -> None:
        """Waits for a while until something is true; what came of it is in the state."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not holds():
                    await self._changed.wait()

    def become(self, **changed: object) -> None:
        """Changes fields of the state."""
        state = replace(self.state, **changed)  # type: ignore[arg-type]  # names of its fields
        if state != self.state:
            has_moved, self.state = state.url != self.state.url, state
            if has_moved and self._moved is not None:
                self._moved(state.url)
            event, self._changed = self._changed, asyncio.Event()
            event.set()

    def binary(self) -> Path | None:
        """The program, looked for anew: it may just have been installed."""
        found = binary.find(self.policy.binary, environment=self._inherited)
        if found is not None and self.child is None:
            self.become(binary=str(found))
        return found

    def unreal(self) -> list[str]:
        """Variables that somebody set for Ollama, and that it does not have."""
        return rules.unreal(self._inherited) if self.manages else []

    def environment_to_ask(self) -> dict[str, str]:
        """What the program sees when it is asked for its version."""
        return rules.surroundings(self._inherited, self._port)

    def why_off(self) -> str | None:
        if self.policy.refusal:
            return self.policy.refusal
        if not self.policy.manages:
            return NEVER
        if not self.target.is_here:
            return (
                f"Ollama is set to be at {self.target.url}: the agent starts one only on this "
                "computer, at a loopback address."
            )
        return None

    # --- one turn -------------------------------------------------------------------------------

    async def _turn(self, around: Surroundings) -> float:
        """Does what is to be done now; returns after how many seconds to look again."""
        child = self.child
        if child is None:
            return await self._without_child(around)
        if not child.is_alive():
            await self._has_ended(child)
            return 0.0
        if self.wish.up and not self.wish.restart:
            return await self._with_child(child, around)
        await self.drop_child("somebody asked for it")
        self._has_gone_as_wished()
        return 0.0

    async def _without_child(self, around: Surroundings) -> float:
        found = await target.look_at(self.target, self._pace.answer_within_s)
        self.wish.restart = False
        if found.sight in {Sight.OLLAMA, Sight.UNCLEAR}:
            await self._is_external(found)
            return self._pace.look_every_s
        self.holder = None
        if not self.wish.up:
            self._is_not("stopped", STOPPED)
        elif self.state.state == "failed" and not self.wish.asked:
            self._is_not("failed", self.state.detail)
        elif (program := self.binary()) is None:
            self._is_not("absent", target.binary_problem(self.policy.binary))
        elif not self.wish.asked and (keeper := await asyncio.to_thread(owners.keeper)):
            self._is_not("absent", rules.kept_by(keeper))
        elif (left := self._not_before - self._monotonic()) > 0:
            return left
        else:
            await self._start(program, await around.sizing())
            return self._pace.starting_every_s
        return self._pace.look_every_s

    async def _with_child(self, child: Child, around: Surroundings) -> float:
        found = await probe.look(rules.HOST, child.port, self._pace.answer_within_s)
        now, is_starting = self._monotonic(), self.state.state == "starting"
        if found.sight is Sight.OLLAMA:
            self._heard_at, self._misses = now, 0
            if is_starting:
                log.info("Ollama %s runs, process %d", found.version, child.pid)
                self.become(state="running", detail=None, version=found.version)
            if now - self._began_at > self._pace.healthy_after_s:
                self._failures = 0
            return await self._weigh(child, around)
        self._misses += 1
        patience = self._pace.start_within_s if is_starting else self._pace.hung_after_s
        # A computer that slept finds much time passed at its first look.
        if now - self._heard_at > patience and self._misses >= MISSES and child.is_alive():
            sentence = f"Ollama did not answer for {patience:g} s, and was ended."
            await self.drop_child("it does not answer")
            self._failed(sentence)
            return 0.0
        return self._pace.starting_every_s if is_starting else self._pace.missed_every_s

    async def _weigh(self, child: Child, around: Surroundings) -> float:
        """Starts the child anew, while nobody waits for it, if it has stalled or grown."""
        if self._stalls and around.is_idle():
            await self.drop_child("a model said nothing for too long")
            self._failed("A model said nothing for too long, and Ollama was ended.")
            return 0.0
        if self._monotonic() - self._weighed_at < self._pace.weigh_every_s:
            return self._pace.check_every_s
        self._weighed_at = self._monotonic()
        rss = await asyncio.to_thread(child.rss_bytes)
        self.become(rss_bytes=rss)
        limit = self.policy.memory_limit_bytes
        why = rules.outgrown(rss, limit, models_loaded=around.models_loaded())
        # A model that is itself too large would else be thrown out again and again.
        is_long_ago = self._weighed_at - self._recycled_at > self._pace.recycle_every_s
        if why and is_long_ago and around.is_idle():
            self._recycled_at = self._weighed_at
            log.warning("Ollama is started anew: %s", why)
            await self.drop_child(why)
            self.become(state="starting", recycled=self.state.recycled + 1)
            return 0.0
        return self._pace.check_every_s

    # --- beginnings -----------------------------------------------------------------------------

    async def _start(self, program: Path, sizing: Sizing) -> None:
        self.wish.asked = False
        try:
            launched = await self._launcher.launch(program, self._port, sizing)
        except OSError as err:
            self._failed(f"{program} cannot be started: {err.strerror or err}.")
            return
        self.child = child = launched.child
        self._port, self.notice = child.port, launched.notice or self.notice
        self._starts += 1
        since = rfc3339(self._clock())
        self._is_ours(child, str(program), since)
        self.become(environment=launched.environment, version=None)
        log.info("starting %s, process %d, port %d", program, child.pid, child.port)
        await self._launcher.remember(child, program, since)

    async def _take_up(self, left: Record) -> None:
        child = Child(left.child, left.port)
        is_elsewhere = left.port != self.target.port
        if not self.manages or (
            is_elsewhere and (await target.look_at(self.target, QUICK_S)).sight is Sight.OLLAMA
        ):
            self._surplus = child
            return
        self.child, self._port, self._starts = child, left.port, 1
        self._is_ours(child, left.binary, left.started_at)
        log.info("found Ollama of an agent that was killed, process %d", child.pid)

    def _is_ours(self, child: Child, program: str, since: str) -> None:
        self._heard_at = self._began_at = self._monotonic()
        self.holder, self._misses = None, 0
        self._tasks.start(self._poke_at_the_end_of(child), name="ollama-ends")
        self.become(
            state="starting",
            url=self.target.url_at(child.port),
            detail=None,
            binary=program,
            owner="agent",
            pid=child.pid,
            port=child.port,
            is_managed=True,
            restarts=max(0, self._starts - 1),
            memory_limit_bytes=self.policy.memory_limit_bytes,
            started_at=since,
            log_file=str(self.log_file.file),
        )

    async def _poke_at_the_end_of(self, child: Child) -> None:
        await child.ended()
        self.poke()

    # --- ends -----------------------------------------------------------------------------------

    async def drop_child(self, why: str) -> None:
        """Ends the child, if there is one."""
        if (child := self.child) is None:
            return
        log.info("ending Ollama, process %d: %s", child.pid, why)
        if not await child.end(self._pace.grace_s):
            log.warning("Ollama did not end when it was told to, and was killed")
        self._forget()

    async def _has_ended(self, child: Child) -> None:
        """The child has ended by itself."""
        await self.log_file.catch_up()
        sentence = rules.why_ended(child.exit_code, self.log_file.last(TOLD_LINES), child.port)
        await asyncio.to_thread(child.bury)
        self._forget()
        if self.wish.up and not self.wish.restart:
            self._failed(sentence)
        else:
            self._has_gone_as_wished()

    def _has_gone_as_wished(self) -> None:
        if self.wish.restart:
            self.wish.asked = True
            self.become(state="starting")
        else:
            self._is_not("stopped", STOPPED)

    def _forget(self) -> None:
        self.child, self._stalls = None, 0
        self._launcher.forget()
        self.become(
            pid=None, owner=None, is_managed=False, rss_bytes=None, started_at=None, environment={}
        )

    def _failed(self, sentence: str) -> None:
        self._failures += 1
        if rules.gives_up(self._failures, self._pace):
            text = rules.gave_up(sentence, self._failures)
            log.error("%s", text)
            self.become(state="failed", detail=text)
            return
        wait = rules.wait_s(self._failures, self._pace)
        self._not_before = self._monotonic() + wait
        log.warning("%s It is started anew in %g s.", sentence, wait)
        self.become(state="waiting", detail=sentence)

    def _is_not(self, state: rules.State, detail: str | None) -> None:
        self.become(state=state, detail=detail, version=None, owner=None, pid=None)

    # --- somebody else's ------------------------------------------------------------------------

    async def _is_external(self, found: probe.Look) -> None:
        if self.state.state != "external" or self.state.version != found.version:
            self.holder = await asyncio.to_thread(owners.holder, self.target.port)
        self._failures, self.wish.asked, self.notice = 0, False, None
        detail = None if found.sight is Sight.OLLAMA else "It does not answer in time."
        self.become(state="external", detail=detail, version=found.version, url=self.target.url)
        self.tell_holder()

    def tell_holder(self) -> None:
        """Shows whose server it is that is not ours."""
        holder = self.holder
        self.become(
            owner=holder.owner if holder else None,
            pid=holder.pid if holder else None,
            port=self.target.port,
        )
