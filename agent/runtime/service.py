"""Ollama's process as the rest of the program sees it: where it is, whose, and what one may ask."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

from agent.inference.versions import security_warning
from agent.runtime import binary, owners, rules, target
from agent.runtime.log_file import LogFile
from agent.runtime.rules import Holder, Ollama
from agent.runtime.watch import NEVER, Surroundings, Watch
from agent.shared.errors import Conflict, NotFound, Unavailable

SOON_S = 15.0


class Runtime:
    """Starts, stops and tells; the watch does it. Call `prepare` before anything connects to the
    address, `run` as a job, and `close` when that has ended."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._known: tuple[Path, float, str | None] | None = None

    @property
    def url(self) -> str:
        """Where Ollama is, or will be."""
        return self._watch.state.url

    @property
    def state(self) -> Ollama:
        return self._watch.state

    @property
    def log_file(self) -> LogFile:
        return self._watch.log_file

    def follow_log(self, after: int | None, count: int) -> AsyncGenerator[bytes, None]:
        """Events: the lines behind number `after`, or the last `count`, and each that comes.

        Raises NotFound if this agent has no log of Ollama's to show."""
        if self.state.state in {"off", "external"} and not self.log_file.last(1):
            owner = self.state.owner or "unknown"
            raise NotFound("no-ollama-log", rules.where_its_log_is(owner, sys.platform))
        return self.log_file.follow(after, count)

    def end_streams(self) -> None:
        """Ends the streams of all who follow the log."""
        self.log_file.close()

    async def prepare(self) -> str:
        """The address to connect to. Quick. Raises nothing."""
        return await self._watch.prepare()

    async def run(self, around: Surroundings) -> None:
        """Watches until it is cancelled."""
        await self._watch.run(around)

    async def close(self) -> None:
        """Ends our own child, with all below it, and nothing else."""
        await self._watch.close()

    def stalled(self) -> None:
        """A model said nothing for too long. Our child is started anew once nobody waits for it;
        a server of somebody else is left as it is."""
        self._watch.stalled()

    # --- what people ask ------------------------------------------------------------------------

    async def look(self) -> Ollama:
        """The state; where nobody watches it, whose server it is at this moment."""
        watch = self._watch
        if watch.state.state == "off" and watch.target.is_here:
            watch.holder = await asyncio.to_thread(owners.holder, watch.target.port)
            watch.tell_holder()
        return watch.state

    async def warnings(self) -> list[str]:
        """What a person should know, in sentences."""
        watch, found = self._watch, []
        if watch.notice:
            found.append(watch.notice)
        if watch.state.state in {"failed", "waiting"} and watch.state.detail:
            found.append(watch.state.detail)
        if watch.holder and watch.holder.listens_to_all:
            found.append(rules.LISTENS_TO_ALL)
        if watch.manages and watch.state.version is None and (unsafe := await self._unsafe()):
            found.append(unsafe)
        return found + [rules.does_nothing(name) for name in watch.unreal()]

    async def start(self) -> Ollama:
        """Starts it if nobody runs one. Raises Conflict, NotFound or Unavailable."""
        watch = self._manageable()
        if watch.state.state != "external" and watch.child is None and watch.binary() is None:
            raise NotFound("no-ollama-binary", target.binary_problem(watch.policy.binary))
        watch.wish.up = watch.wish.asked = True
        return await self._come_up(watch)

    async def restart(self) -> Ollama:
        """Ends our child and starts it anew. Raises Conflict for somebody else's."""
        watch = self._manageable()
        self._check_ours(watch, "start it anew")
        watch.wish.restart = watch.child is not None
        return await self.start()

    async def stop(self) -> Ollama:
        """Ends our child; it stays so until `start`. Raises Conflict for somebody else's."""
        watch = self._manageable()
        self._check_ours(watch, "stop it")
        watch.wish.up = watch.wish.restart = watch.wish.asked = False
        watch.poke()
        await watch.until(lambda: watch.state.state in {"stopped", "external"}, SOON_S)
        return watch.state

    async def _come_up(self, watch: Watch) -> Ollama:
        watch.forgive()
        if watch.child is None:
            watch.become(state="starting", detail=None)
        watch.poke()
        await watch.until(
            lambda: not watch.wish.restart and watch.state.state != "starting", SOON_S
        )
        if watch.state.state not in {"running", "external", "starting"}:
            detail = watch.state.detail or "Ollama did not start."
            raise Unavailable("ollama-start-failed", detail)
        return watch.state

    def _manageable(self) -> Watch:
        if not self._watch.policy.manages:
            raise Conflict("ollama-not-managed", NEVER)
        if not self._watch.manages:
            raise Conflict("ollama-elsewhere", self._watch.why_off() or "Ollama is elsewhere.")
        return self._watch

    def _check_ours(self, watch: Watch, verb: str) -> None:
        if watch.state.state == "external":
            holder = watch.holder or Holder("unknown")
            who = f" (process {holder.pid})" if holder.pid else ""
            raise Conflict(
                "not-our-ollama",
                f"The agent did not start this Ollama{who} and does not {verb}. "
                f"{rules.how_to_stop(holder)}",
                owner=holder.owner,
            )

    async def _unsafe(self) -> str | None:
        """A sentence if the program that would be started has a known flaw."""
        if (program := self._watch.binary()) is None:
            return None
        version = await asyncio.to_thread(self._version_of, program)
        return security_warning(version) if version else None

    def _version_of(self, program: Path) -> str | None:
        try:
            written = program.stat().st_mtime
        except OSError:
            return None
        if self._known is None or self._known[:2] != (program, written):
            version = binary.version_of(program, self._watch.environment_to_ask())
            self._known = (program, written, version)
        return self._known[2]
