"""Advice: asked for, checked, kept, turned into presets, and followed up."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from agent.inference.service import Call
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, Invalid, NotFound, OrcaError
from agent.slicer.advice.advising import Advising, is_for_want_of_a_model
from agent.slicer.advice.effects import effects_of
from agent.slicer.advice.following import compared
from agent.slicer.advice.gathering import Gathered, Gathering
from agent.slicer.advice.judging import changes_of, judged
from agent.slicer.advice.rules import Line, Origin, Proposed, Result, Wanted, picked
from agent.slicer.advice.sources import Sources
from agent.slicer.advice.store import AdviceStore, Row
from agent.slicer.advice.stored import advice_json, day_of, lines_of, targets_of
from agent.slicer.advice.targets import Meant, kept, targets_for
from agent.slicer.presets.writing import Preset, as_bytes, file_name, loose_zip, preset_json
from agent.slicer.rules import PresetType

Json = dict[str, Any]  # Any: JSON values
NAMES_REMEMBERED = 200
NOTHING_FOUND = "The checks advise no change of settings for this file."
NO_MODEL = "No model could be asked, so these are the changes that the checks advise."
UNREADABLE = "The model's answer could not be read, so these are the changes of the checks."


@dataclass(frozen=True, slots=True)
class Asked:
    """What advice is wanted for. `changes` are somebody's own proposals."""

    wanted: Wanted = field(default_factory=Wanted)
    question: str = ""
    changes: tuple[Proposed, ...] = ()
    model: str | None = None
    filament: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """Advice before it is kept."""

    source: Origin
    proposals: Sequence[Proposed]
    question: str = ""
    answer: str = ""
    model: str | None = None
    file_id: str | None = None
    message_id: str | None = None
    notes: list[str] = field(default_factory=list)


class AdviceService:
    """What it returns is kept; a preset that was made of it is always made the same."""

    def __init__(
        self,
        database: Database,
        sources: Sources,
        gathering: Gathering,
        advising: Advising,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database, self._sources, self._gathering = database, sources, gathering
        self._advising, self._clock, self._new_id = advising, clock, new_id

    async def give(self, asked: Asked, call: Call) -> Json:
        """Advice: on changes that are given, else by a model on a question, else by the checks.

        Raises NotFound, Invalid where there is nothing to advise on, and what models raise."""
        await self._gathering.check(asked.wanted)
        gathered = (await self._gathering.gather(asked.wanted)).about_filament(asked.filament)
        file = gathered.known.file
        file_id = file.id if file else None
        if asked.changes:
            draft = Draft("given", asked.changes, asked.question, file_id=file_id)
        elif asked.question.strip():
            draft = await self._asked_of_model(asked, gathered, call)
        elif file is not None:
            draft = _of_checks(gathered, "")
        else:
            raise Invalid(
                "nothing-to-advise-on", "Give a question, changes, or the file to advise on."
            )
        advice_id, _ = await self.keep(draft, gathered)
        return await self.get(advice_id)

    async def keep(self, draft: Draft, gathered: Gathered) -> tuple[str, list[Line]]:
        """Checks every line and keeps them all, the refused ones with their reasons."""
        lines = judged(draft.proposals, gathered.known.situation)
        file = gathered.known.file
        types = list(dict.fromkeys(line.preset_type for line in lines if line.is_picked))
        now = rfc3339(self._clock())
        meant = Meant(
            file.facts if file else None, gathered.known.situation.filament, gathered.preset
        )
        targets, notes = await targets_for(
            [one for one in types if one is not None],
            meant,
            self._sources,
            day=day_of(now),
            taken=await self._names(),
        )
        values: Json = {
            "id": self._new_id(),
            "created_at": now,
            "source": draft.source,
            "file_id": draft.file_id,
            "filament": gathered.known.situation.filament,
            "message_id": draft.message_id,
            "question": draft.question,
            "answer": draft.answer,
            "model": draft.model,
            "targets": {name: kept(one) for name, one in targets.items()},
            "lines": [line.to_json() for line in lines],
            "notes": [*draft.notes, *notes],
            "outcome": None,
        }
        async with self._database.writing() as connection:
            await AdviceStore(connection).add(values)
        return str(values["id"]), lines

    async def get(self, advice_id: str) -> Json:
        """With what the checks would say, and the prints before and after it. Raises NotFound."""
        row = await self._row(advice_id)
        told = advice_json(row)
        if row["targets"]:
            told["compared"] = await compared(row, self._sources)
        if row["file_id"] is not None:
            with suppress(NotFound):  # it was thrown away meanwhile
                facts = (await self._sources.file(row["file_id"])).facts
                changes = changes_of(lines_of(row))
                told["effects"] = effects_of(facts, changes, row["filament"]).to_json()
        return told

    async def page(self, file_id: str | None, before: str | None, limit: int) -> list[Json]:
        """Newest first, older than the id `before`."""
        async with self._database.reading() as connection:
            rows = await AdviceStore(connection).page(file_id, before, limit)
        return [advice_json(row) for row in rows]

    async def pick(self, advice_id: str, numbers: Sequence[int]) -> Json:
        """Takes these lines and no others. Raises NotFound, or Invalid for one that is refused."""
        async with self._database.writing() as connection:
            store = AdviceStore(connection)
            row = _present(await store.find(advice_id))
            lines = lines_of(row)
            good = {line.number for line in lines if line.verdict != "refused"}
            if wrong := set(numbers) - good:
                raise Invalid(
                    "no-such-line",
                    f"Line {min(wrong)} is not there, or was refused. Pick others.",
                )
            chosen = [line.to_json() for line in picked(lines, set(numbers))]
            await store.change(advice_id, {"lines": chosen})
        return await self.get(advice_id)

    async def preset(self, advice_id: str, preset_type: PresetType | None) -> tuple[str, bytes]:
        """The name and the bytes of the file that OrcaSlicer imports.

        Raises NotFound; Conflict where nothing is picked or several types are."""
        presets = self._presets(await self._row(advice_id))
        if preset_type is not None:
            presets = [one for one in presets if one["type"] == preset_type]
        if not presets:
            raise Conflict("nothing-picked", "No line is picked that makes such a preset.")
        if len(presets) > 1:
            raise Conflict(
                "several-presets", "The lines make several presets: name the type, or get the zip."
            )
        return file_name(str(presets[0]["name"])), as_bytes(presets[0])

    async def bundle(self, advice_id: str) -> tuple[str, bytes]:
        """The name and the bytes of a zip of all its presets. Raises as `preset`."""
        row = await self._row(advice_id)
        presets = self._presets(row)
        if not presets:
            raise Conflict("nothing-picked", "No line is picked that makes a preset.")
        return f"advice {day_of(row['created_at'])}.zip", loose_zip(presets)

    async def note_outcome(
        self, advice_id: str, result: Result, note: str, file_id: str | None
    ) -> Json:
        """Keeps whether it helped. Raises NotFound, also for the file."""
        if file_id is not None:
            await self._sources.file(file_id)
        told = {
            "result": result,
            "note": note,
            "file_id": file_id,
            "at": rfc3339(self._clock()),
        }
        async with self._database.writing() as connection:
            store = AdviceStore(connection)
            _present(await store.find(advice_id))
            await store.change(advice_id, {"outcome": told})
        return await self.get(advice_id)

    async def _asked_of_model(self, asked: Asked, gathered: Gathered, call: Call) -> Draft:
        file = gathered.known.file
        try:
            given = await self._advising.advise(
                asked.question, gathered, call, model=asked.model, without=asked.wanted.without
            )
        except OrcaError as err:
            if not is_for_want_of_a_model(err) or asked.model is not None or file is None:
                raise
            draft = _of_checks(gathered, asked.question)
            note = UNREADABLE if err.code == "format-not-kept" else NO_MODEL
            return replace(draft, notes=[note, *draft.notes])
        file_id = file.id if file else None
        return Draft("model", given.proposals, asked.question, given.answer, given.model, file_id)

    def _presets(self, row: Row) -> list[Preset]:
        changes, found = changes_of(lines_of(row)), []
        for preset_type, target in targets_of(row).items():
            own = [change for change in changes if change.preset_type == preset_type]
            if own:
                found.append(
                    preset_json(
                        preset_type,
                        target.name,
                        target.inherits,
                        own,
                        base=target.base,
                        version=target.version,
                    )
                )
        return found

    async def delete(self, advice_id: str) -> None:
        """Forgets it. The presets that were made of it stay where they were saved.

        Raises NotFound."""
        async with self._database.writing() as connection:
            if not await AdviceStore(connection).remove(advice_id):
                raise no_advice()

    async def _row(self, advice_id: str) -> Row:
        async with self._database.reading() as connection:
            return _present(await AdviceStore(connection).find(advice_id))

    async def _names(self) -> set[str]:
        """The names that earlier advice gave away."""
        async with self._database.reading() as connection:
            rows = await AdviceStore(connection).page(None, None, NAMES_REMEMBERED)
        return {target.name for row in rows for target in targets_of(row).values()}


def _of_checks(gathered: Gathered, question: str) -> Draft:
    file = gathered.known.file
    notes = [] if gathered.changes else [NOTHING_FOUND]
    return Draft(
        "findings",
        gathered.changes,
        question,
        file_id=file.id if file else None,
        notes=notes,
    )


def _present(row: Row | None) -> Row:
    if row is None:
        raise no_advice()
    return row


def no_advice() -> NotFound:
    return NotFound("no-such-advice", "There is no advice with this id.")
