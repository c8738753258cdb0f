"""Gathers what is known of a question: of the file, the presets, the live slicer, the guide."""

import re
from dataclasses import dataclass, field, replace

from agent.guide.rules import Passage
from agent.guide.service import Guide
from agent.shared.errors import NotFound
from agent.slicer.advice.evidence import of_file
from agent.slicer.advice.judging import proposed_of, situation_of
from agent.slicer.advice.limits import Situation
from agent.slicer.advice.presets import find_preset, preset_piece
from agent.slicer.advice.quoting import plain
from agent.slicer.advice.rules import Piece, Proposed, Wanted
from agent.slicer.advice.sources import Sources
from agent.slicer.advice.toolbox import Known
from agent.slicer.context.rules import Live, lines
from agent.slicer.presets.rules import Preset

PASSAGES = 3
PRIVATE = re.compile(r"\bprint_?host")  # the keys of the way into a printer
GONE = "The file that this was about is not kept any more. Its settings are not known."
MOST_LIVE, LINE_CHARACTERS = 60, 160


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known, whole: what of it fits a prompt is decided where that is written."""

    pieces: tuple[Piece, ...] = ()
    known: Known = field(default_factory=Known)
    preset: Preset | None = None

    def about_filament(self, index: int | None) -> "Gathered":
        """The same for another filament of the file; None leaves it as it is."""
        if index is None or self.preset is not None:
            return self
        situation = replace(self.known.situation, filament=index)
        return replace(self, known=replace(self.known, situation=situation))

    @property
    def changes(self) -> list[Proposed]:
        """What the checks would change."""
        findings = self.known.file.findings if self.known.file else ()
        return proposed_of(change for finding in findings for change in finding.changes)


class Gathering:
    """Reads; keeps nothing."""

    def __init__(self, sources: Sources, guide: Guide) -> None:
        self._sources, self._guide = sources, guide

    async def check(self, wanted: Wanted) -> None:
        """Raises NotFound for a file or a preset that is not there."""
        if wanted.file_id is not None:
            await self._sources.file(wanted.file_id)
        if wanted.preset is not None:
            await find_preset(self._sources, wanted.preset)

    async def gather(self, wanted: Wanted) -> Gathered:
        """Everything but the guide. What has gone meanwhile is left out."""
        known, preset = Known(), None
        pieces: list[Piece] = []
        if wanted.file_id is not None:
            known = await self._file(wanted.file_id)
        if known.file is not None:
            pieces += of_file(known.file, known.analysis, known.ended)
        elif wanted.file_id is not None:
            pieces.append(Piece("file", "file", "The file", GONE))
        if wanted.preset is not None:
            preset = await self._preset(wanted.preset)
        if preset is not None:
            pieces.append(preset_piece(preset))
            known = replace(known, situation=_laid_over(known.situation, preset))
        if not wanted.is_empty and (live := self._sources.live()):
            pieces.append(_live_piece(live))
        return Gathered(tuple(pieces), known, preset)

    def passages(self, question: str, limit: int = PASSAGES) -> list[Piece]:
        """What the guide has on it."""
        return [guide_piece(one) for one in self._guide.search(question, limit=limit)]

    async def _file(self, file_id: str) -> Known:
        try:
            file = await self._sources.file(file_id)
        except NotFound:
            return Known()
        return Known(
            file,
            await self._sources.analysis(file_id),
            situation_of(file.facts),
            await self._sources.ended(file_id),
        )

    async def _preset(self, named: str) -> Preset | None:
        try:
            return await find_preset(self._sources, named)
        except NotFound:
            return None


def guide_piece(passage: Passage) -> Piece:
    """A passage of the guide as evidence."""
    return Piece(f"guide:{passage.ref}", "guide", passage.title, passage.text, passage.ref)


def _laid_over(situation: Situation, preset: Preset) -> Situation:
    """A preset that is asked about counts more than the file, whose other settings still hold.

    A filament preset has one value where the file has one for each filament."""
    settings = {**situation.settings, **preset.settings}
    return Situation(settings, 0 if preset.type == "filament" else situation.filament)


def _live_piece(live: Live) -> Piece:
    told = [plain(line, LINE_CHARACTERS) for line in lines(live) if not PRIVATE.search(line)]
    return Piece("live", "live", "What OrcaSlicer shows now", "\n".join(told[:MOST_LIVE]), "live")
