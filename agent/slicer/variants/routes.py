"""Slicing a project in several ways, over HTTP."""

from typing import Annotated, Literal

from pydantic import Field
from quart import Blueprint, Response

from agent.runs.rules import Run
from agent.runs.shapes import RunOut, run_json
from agent.shared.web import In, Out, gives, json, needs, takes
from agent.slicer.rules import Change, PresetType
from agent.slicer.variants.programs import ProgramKind
from agent.slicer.variants.rules import MOST_CHANGES, MOST_VARIANTS, Intent, Variant
from agent.slicer.variants.service import VariantService, Wanted

Name = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(max_length=10_000)]


class ChangeIn(In):
    preset_type: PresetType
    key: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_]{1,80}$")]
    new: Text | Annotated[list[Text], Field(min_length=1, max_length=64)]


class VariantIn(In):
    name: Annotated[str, Field(min_length=1, max_length=60)]
    changes: Annotated[list[ChangeIn], Field(max_length=MOST_CHANGES)] = Field(default_factory=list)


class PresetsIn(In):
    """Installed presets, for a model that brings no settings of its own."""

    machine: Name
    process: Name
    filaments: Annotated[list[Name], Field(min_length=1, max_length=64)]


class VariantsIn(In):
    """A project that came in, and the ways to slice it; it is sliced as it is, too."""

    file_id: Annotated[str, Field(max_length=64)]
    variants: Annotated[list[VariantIn], Field(max_length=MOST_VARIANTS)] = Field(
        default_factory=list
    )
    intents: Annotated[list[Intent], Field(max_length=4)] = Field(default_factory=list)
    program: Literal["OrcaSlicer", "PrusaSlicer"] | None = None
    presets: PresetsIn | None = None


class ProgramOut(Out):
    kind: ProgramKind
    path: str


class ProgramPage(Out):
    items: list[ProgramOut]
    next_cursor: str | None


def routes(variants: VariantService) -> Blueprint:
    bp = Blueprint("variants", __name__, url_prefix="/api/v1/slicer")

    @bp.get("/programs")
    @needs("slicer")
    @gives(ProgramPage)
    async def programs() -> Response:
        """The slicers on this computer that can be asked to slice."""
        items = [{"kind": one.kind, "path": str(one.path)} for one in await variants.programs()]
        return json({"items": items, "next_cursor": None})

    @bp.post("/variants")
    @needs("slicer")
    @takes(VariantsIn)
    @gives(RunOut, 202)
    async def begin(asked: VariantsIn) -> Response:
        """Slice a project as it is and with changed settings.

        The `done` event of the run has what each came to: `variants` with `seconds`, `grams`,
        `layers`, `findings` and the `files` to look at."""
        run: Run = await variants.begin(_wanted(asked))
        return json(run_json(run), 202)

    return bp


def _wanted(asked: VariantsIn) -> Wanted:
    presets: list[tuple[PresetType, str]] = []
    if asked.presets:
        presets = [("machine", asked.presets.machine), ("process", asked.presets.process)]
        presets += [("filament", name) for name in asked.presets.filaments]
    return Wanted(
        file_id=asked.file_id,
        variants=tuple(Variant(one.name, _changes(one.changes)) for one in asked.variants),
        intents=tuple(dict.fromkeys(asked.intents)),
        program=asked.program,
        presets=tuple(presets),
    )


def _changes(asked: list[ChangeIn]) -> tuple[Change, ...]:
    return tuple(
        Change(
            one.preset_type,
            one.key,
            None,
            one.new if isinstance(one.new, str) else tuple(one.new),
        )
        for one in asked
    )
