"""A child is started: its port, its environment, its log, and the note for a later agent."""

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent.runtime import record, rules, target
from agent.runtime.child import Child
from agent.runtime.log_file import LogFile
from agent.runtime.record import Record
from agent.runtime.rules import Sizing
from agent.runtime.target import Target

log = logging.getLogger(__name__)

QUICK_S = 0.5


@dataclass(frozen=True, slots=True)
class Launched:
    """`environment` holds what the child was told as Ollama; `notice` speaks of another port."""

    child: Child
    environment: Mapping[str, str]
    notice: str | None


@dataclass(frozen=True, slots=True)
class Launcher:
    """Everything that stays the same from one start to the next."""

    target: Target
    data_dir: Path
    log_file: LogFile
    inherited: Mapping[str, str]

    async def launch(self, program: Path, port: int, sizing: Sizing) -> Launched:
        """Raises OSError, whose text is for people."""
        port, notice = await target.port_for(replace(self.target, port=port), QUICK_S)
        environment = rules.child_environment(self.inherited, sizing, port)
        output = self.log_file.open_for_child()
        try:
            self.log_file.note(f"starting {program} on port {port}")
            child = await Child.start(program, environment, port, output=output)
        finally:
            os.close(output)
        told = {name: value for name, value in environment.items() if name in rules.REAL}
        return Launched(child, told, notice)

    async def remember(self, child: Child, program: Path, started_at: str) -> None:
        """So that the next agent knows the child if this one is killed."""
        kept = Record(child.who, child.port, str(program), started_at)
        try:
            await asyncio.to_thread(record.write, self.data_dir, kept)
        except OSError as err:
            log.warning("the child cannot be noted for a later agent: %s", err.strerror)

    def forget(self) -> None:
        record.remove(self.data_dir)
