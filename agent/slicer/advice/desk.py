"""What a conversation is given of the slicer: evidence, tools, and a record of both."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.guide.service import Guide
from agent.shared.database import Database
from agent.shared.errors import NotFound
from agent.slicer.advice.gathering import Gathered, Gathering
from agent.slicer.advice.rules import Line, Piece, Proposed, Wanted
from agent.slicer.advice.service import AdviceService, Draft
from agent.slicer.advice.sources import Sources
from agent.slicer.advice.store import EvidenceStore
from agent.slicer.advice.toolbox import Toolbox, Used

Json = dict[str, Any]  # Any: JSON values


class Desk:
    """Nothing of it asks a model: the conversation does that."""

    def __init__(
        self,
        database: Database,
        sources: Sources,
        guide: Guide,
        gathering: Gathering,
        advice: AdviceService,
    ) -> None:
        self._database, self._sources, self._guide = database, sources, guide
        self._gathering, self._advice = gathering, advice

    async def check(self, wanted: Wanted) -> None:
        """Raises NotFound for a file or a preset that is not there."""
        await self._gathering.check(wanted)

    async def gather(self, wanted: Wanted) -> Gathered:
        """All that is known; nothing for a question that has no context."""
        return Gathered() if wanted.is_empty else await self._gathering.gather(wanted)

    async def pieces(self, wanted: Wanted, question: str) -> list[Piece]:
        """All that a question could be sent with. Raises NotFound."""
        await self._gathering.check(wanted)
        gathered = await self._gathering.gather(wanted)
        return [*gathered.pieces, *self._gathering.passages(question)]

    async def tools(
        self, gathered: Gathered, *, message_id: str, question: str, sees: bool
    ) -> Toolbox:
        """The tools for one answer. What is proposed is kept as advice of that message."""
        file = gathered.known.file

        async def propose(proposals: Sequence[Proposed]) -> tuple[str | None, list[Line]]:
            draft = Draft(
                "chat",
                proposals,
                question[:4000],
                file_id=file.id if file else None,
                message_id=message_id,
            )
            return await self._advice.keep(draft, gathered)

        has_presets = bool(await self._sources.preset_names("process"))
        return Toolbox(
            self._sources,
            self._guide,
            gathered.known,
            propose,
            sees=sees,
            has_presets=has_presets,
        )

    async def sent(self, message_id: str) -> Json:
        """What an answer was made of. Raises NotFound where it was made of words alone."""
        async with self._database.reading() as connection:
            row = await EvidenceStore(connection).of(message_id)
        if row is None:
            raise NotFound("no-evidence", "No evidence was sent with this message.")
        return {"message_id": message_id, "items": row["pieces"], "tools": row["tools"]}


async def keep_sent(
    connection: AsyncConnection, message_id: str, pieces: Sequence[Piece], used: Sequence[Used]
) -> None:
    """Keeps what an answer was made of, in the transaction that ends it."""
    if pieces or used:
        told = [piece.to_json() for piece in pieces]
        tools = [one.to_json() for one in used]
        await EvidenceStore(connection).keep(message_id, told, tools)
