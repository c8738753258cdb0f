"""Presets, the folders they lie in, and the settings that are known, over HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import Field
from quart import Blueprint, Response

from agent.shared.errors import NotFound
from agent.shared.web import In, Out, Page, asks, gives, gives_media, json, needs
from agent.slicer.presets.keys import KEYS, Key, Kind, label_of
from agent.slicer.presets.markdown import as_markdown
from agent.slicer.presets.rules import SAID, TYPES, Difference, Preset, Value
from agent.slicer.presets.service import Listed, Presets
from agent.slicer.rules import PresetType, SlicerFile

Text = str | list[str]
FileOf = Callable[[str], Awaitable[SlicerFile]]


class PresetQuery(Page):
    type: PresetType | None = None
    q: Annotated[str, Field(max_length=200, description="Words of the name.")] = ""
    origin: Annotated[
        Literal["all", "user", "system"], Field(description="Whose presets are listed.")
    ] = "all"
    cursor: Annotated[str | None, Field(pattern=r"^\d{1,6}$")] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 200


class ListedOut(Out):
    """`problem` says why OrcaSlicer would not load it."""

    type: PresetType
    name: str
    scope: str
    is_system: bool
    inherits: str | None
    folder: str
    problem: str | None


class PresetPage(Out):
    items: list[ListedOut]
    next_cursor: str | None


class ChangedOut(Out):
    key: str
    label: str
    unit: str
    old: Text | None
    new: Text


class PresetOut(ListedOut):
    """`own` is what it changes: a user's preset against its system preset, a system preset
    against its parent."""

    chain: list[str]
    version: str | None
    notes: list[str]
    settings: dict[str, Text]
    own: list[ChangedOut]


class CompareQuery(In):
    type: PresetType
    a: Annotated[str, Field(max_length=300)]
    b: Annotated[str, Field(max_length=300)]


class DifferenceOut(Out):
    key: str
    label: str
    unit: str
    old: Text | None
    new: Text | None


class ComparisonOut(Out):
    type: PresetType
    a: str
    b: str
    items: list[DifferenceOut]


class FilePresetOut(Out):
    """A preset that a file names. `items`: the preset has `old`, the file was sliced with `new`.

    `index` is of the filament; `is_found` says whether it is installed here."""

    type: PresetType
    name: str
    index: int
    is_found: bool
    items: list[DifferenceOut]


class FilePresetPage(Out):
    items: list[FilePresetOut]
    next_cursor: str | None


class MarkdownQuery(In):
    every: Annotated[bool, Field(description="All settings, not only what was changed.")] = False


class FolderOut(Out):
    path: str
    system: int
    user: int
    scopes: list[str]
    notes: list[str]


class FolderPage(Out):
    items: list[FolderOut]
    next_cursor: str | None


class KeyOut(Out):
    key: str
    types: list[PresetType]
    kind: Kind
    label: str
    page: str
    unit: str
    low: float | None
    high: float | None
    choices: list[str]
    percent_of: str | None
    is_list: bool
    is_nullable: bool


class KeyPage(Out):
    items: list[KeyOut]
    next_cursor: str | None


def routes(presets: Presets, file_of: FileOf) -> Blueprint:
    bp = Blueprint("presets", __name__, url_prefix="/api/v1/slicer")

    @bp.get("/files/<file_id>/presets")
    @needs("slicer")
    @gives(FilePresetPage)
    async def of_file(file_id: str) -> Response:
        """The presets that a file names, and where it was sliced with something else."""
        found = await presets.of_file((await file_of(file_id)).facts)
        items = [
            {
                **asdict(named),
                "is_found": preset is not None,
                "items": [_difference_json(one) for one in differences],
            }
            for named, preset, differences in found
        ]
        return json({"items": items, "next_cursor": None})

    @bp.get("/folders")
    @needs("slicer")
    @gives(FolderPage)
    async def folders() -> Response:
        """The data folders of OrcaSlicer on this computer."""
        items = [asdict(folder) for folder in await presets.folders()]
        return json({"items": items, "next_cursor": None})

    @bp.get("/keys")
    @needs("slicer")
    @gives(KeyPage)
    async def keys() -> Response:
        """The settings that are known, with what they are called in OrcaSlicer."""
        return json({"items": [_key_json(key) for key in KEYS.values()], "next_cursor": None})

    @bp.get("/presets")
    @needs("slicer")
    @asks(PresetQuery)
    @gives(PresetPage)
    async def look(query: PresetQuery) -> Response:
        """The installed presets, the user's first."""
        is_system = {"all": None, "user": False, "system": True}[query.origin]
        found = await presets.listed(query.type, query.q, is_system=is_system)
        start = int(query.cursor or 0)
        end = start + query.limit
        return json(
            {
                "items": [_listed_json(one) for one in found[start:end]],
                "next_cursor": str(end) if end < len(found) else None,
            }
        )

    @bp.get("/presets/compare")
    @needs("slicer")
    @asks(CompareQuery)
    @gives(ComparisonOut)
    async def compare(query: CompareQuery) -> Response:
        """What two presets of one type have differently."""
        old, new, found = await presets.compare(query.type, query.a, query.b)
        items = [_difference_json(one) for one in found]
        return json({"type": query.type, "a": old.name, "b": new.name, "items": items})

    @bp.get("/presets/<preset_type>/<path:name>")
    @needs("slicer")
    @gives(PresetOut)
    async def one(preset_type: str, name: str) -> Response:
        """A preset with all that it inherits, and what it changes."""
        return json(_preset_json(await presets.get(_type(preset_type), name)))

    @bp.get("/presets/<preset_type>/<path:name>/markdown")
    @needs("slicer")
    @asks(MarkdownQuery)
    @gives_media(200, "text/markdown")
    async def markdown(preset_type: str, name: str, query: MarkdownQuery) -> Response:
        """A preset as Markdown, for a forum: what was changed, or with `every` all of it."""
        preset = await presets.get(_type(preset_type), name)
        text = as_markdown(preset, only_changed=not query.every)
        return Response(text, content_type="text/markdown; charset=utf-8")

    return bp


def _type(text: str) -> PresetType:
    for known in TYPES:
        if text == known:
            return known
    raise NotFound("no-such-preset", f"Presets are of type {', '.join(TYPES)}.")


def _listed_json(one: Listed) -> dict[str, object]:
    return {**asdict(one), "problem": SAID[one.problem] if one.problem else None}


def _preset_json(preset: Preset) -> dict[str, object]:
    changed = [Difference(key, old, new) for key, (old, new) in sorted(preset.own.items())]
    return {
        "type": preset.type,
        "name": preset.name,
        "scope": preset.scope,
        "is_system": preset.is_system,
        "inherits": preset.inherits,
        "folder": preset.folder,
        "problem": SAID[preset.problem] if preset.problem else None,
        "chain": preset.chain,
        "version": preset.version,
        "notes": preset.notes,
        "settings": dict(sorted(preset.settings.items())),
        "own": [_difference_json(one) for one in changed],
    }


def _difference_json(one: Difference) -> dict[str, Value | None]:
    known = KEYS.get(one.key)
    unit = known.unit if known else ""
    return {
        "key": one.key,
        "label": label_of(one.key),
        "unit": unit,
        "old": one.old,
        "new": one.new,
    }


def _key_json(key: Key) -> dict[str, object]:
    return {
        "key": key.name,
        "types": key.types,
        "kind": key.kind,
        "label": key.label,
        "page": key.page,
        "unit": key.unit,
        "low": key.low,
        "high": key.high,
        "choices": key.choices,
        "percent_of": key.percent_of,
        "is_list": key.is_list,
        "is_nullable": key.is_nullable,
    }
