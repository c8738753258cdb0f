"""How an answer ends: what is kept of it, also of one that a crash cut off."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.chat.shapes import message_json
from agent.chat.store import Conversations, Messages
from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.shared import wire

STATUS = {
    RunState.DONE: "complete",
    RunState.CANCELLED: "stopped",
    RunState.INTERRUPTED: "interrupted",
    RunState.FAILED: "failed",
}


class CutOff:
    """The job of an answer that a crash cut off: what was saved of it is kept. Implements Job."""

    def __init__(self, run: Run, events: list[wire.ServerSentEvent]) -> None:
        self._values: dict[str, object] = {
            "content": "".join(str(e.data["text"]) for e in events if e.name == "token"),
            "thinking": "".join(str(e.data["text"]) for e in events if e.name == "thinking"),
        }
        for event in events:
            if event.name == "started":
                self._values |= {k: event.data[k] for k in ("model", "provider")}
            elif event.name == "sources":
                self._values["sources"] = event.data["items"]
            elif event.name == "trimmed":
                self._values["trimmed"] = event.data["dropped_messages"]

    async def work(self, live: LiveRun) -> object:
        raise AssertionError("a run that was cut off is not run again")

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """Makes what was saved the answer."""
        return await finish(connection, run, ending, self._values)


async def finish(
    connection: AsyncConnection, run: Run, ending: Ending, values: Mapping[str, object]
) -> dict[str, object]:
    """Writes the final answer and returns the closing event's data."""
    if run.message_id is None or run.conversation_id is None:
        raise ValueError("a chat's run belongs to a message")
    messages = Messages(connection)
    await messages.change(
        run.message_id, {**values, "status": STATUS[ending.state], "problem": ending.problem}
    )
    await Conversations(connection).change(run.conversation_id, {"updated_at": run.ended_at})
    row = await messages.find(run.message_id)
    if row is None:  # the conversation was purged meanwhile
        return {"problem": ending.problem} if ending.problem else {"message": None}
    data: dict[str, object] = {"message": message_json(row)}
    if ending.state is RunState.DONE:
        data["usage"] = row["usage"]
    if ending.problem:
        data["problem"] = ending.problem
    return data
