"""The tools of a model: each reads, none changes anything, and each answers whatever it is
called with."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.guide.service import Guide
from agent.inference.rules import estimate_tokens
from agent.shared.errors import OrcaError
from agent.slicer.advice.effects import Effects, effects_of
from agent.slicer.advice.evidence import finding_text, of_file, values_text
from agent.slicer.advice.judging import TYPES, changes_of, known_key, limits_text
from agent.slicer.advice.limits import Situation
from agent.slicer.advice.presets import differences_text, preset_text
from agent.slicer.advice.quoting import block, plain
from agent.slicer.advice.rules import Line, Piece, Proposed, shortened
from agent.slicer.advice.sources import Ended, Sources
from agent.slicer.advice.texts import MOST_CHANGES, tools
from agent.slicer.rules import Analysis, SlicerFile

Json = dict[str, Any]  # Any: JSON values
Propose = Callable[[Sequence[Proposed]], Awaitable[tuple[str | None, list[Line]]]]

RESULT_TOKENS = 900
LEAST_RESULT_TOKENS = 120
PASSAGES = 2
QUERY_CHARACTERS = 400
MOST_KEYS = 40


@dataclass(frozen=True, slots=True)
class Used:
    """A tool that was used: `text` is for the model, `told` for people, `images` base64."""

    name: str
    arguments: Mapping[str, object]
    text: str
    told: Json = field(default_factory=dict)
    images: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """The data of the event `tool`."""
        return {"name": self.name, "arguments": dict(self.arguments), "result": self.told}


@dataclass(frozen=True, slots=True)
class Known:
    """What a talk is about: the file, its analysis, and the settings in force."""

    file: SlicerFile | None = None
    analysis: Analysis | None = None
    situation: Situation = field(default_factory=Situation)
    ended: Ended | None = None


class Toolbox:
    """The tools for one question. `propose` keeps what was proposed and says how it is called."""

    def __init__(
        self,
        sources: Sources,
        guide: Guide,
        known: Known,
        propose: Propose,
        *,
        sees: bool,
        has_presets: bool,
    ) -> None:
        self._sources, self._guide, self._known, self._propose = sources, guide, known, propose
        file = known.file
        self.definitions = tools(
            has_file=file is not None,
            has_pictures=sees and file is not None and bool(file.facts.thumbnails),
            has_presets=has_presets,
        )
        self._tools: dict[str, Callable[[Mapping[str, object]], Awaitable[Used]]] = {
            "search_guide": self._search_guide,
            "propose_changes": self._propose_changes,
            "read_report": self._read_report,
            "look_at_plate": self._look_at_plate,
            "read_preset": self._read_preset,
            "compare_presets": self._compare_presets,
        }

    @property
    def names(self) -> list[str]:
        return [str(one["function"]["name"]) for one in self.definitions]

    @property
    def tokens(self) -> int:
        """What the definitions take of the context."""
        return estimate_tokens(str(self.definitions))

    async def use(self, name: str, arguments: Mapping[str, object]) -> Used:
        """Uses a tool. What goes wrong is told to the model, which may do better."""
        if name not in self.names:
            text = f"There is no tool called {plain(name, 40)}. There are {', '.join(self.names)}."
            return Used(plain(name, 40), arguments, text, {"error": text})
        try:
            return await self._tools[name](arguments)
        except OrcaError as err:
            return Used(name, arguments, f"It failed: {err.detail}", {"error": err.detail})

    # --- the tools --------------------------------------------------------------------------

    async def _search_guide(self, arguments: Mapping[str, object]) -> Used:
        query = str(arguments.get("query") or "")[:QUERY_CHARACTERS]
        passages = self._guide.search(query, limit=PASSAGES)
        text = "\n\n".join(f"## {one.title}\n{one.text}" for one in passages)
        items = [{"title": one.title, "ref": one.ref} for one in passages]
        return Used(
            "search_guide", arguments, text or "The guide holds nothing on it.", {"items": items}
        )

    async def _read_report(self, arguments: Mapping[str, object]) -> Used:
        file = self._known.file
        if file is None:
            return _said("read_report", arguments, "No file belongs to this talk.")
        keys = _words(arguments.get("keys"))
        if keys:
            named = [key.name if (key := known_key(one)) else one for one in keys]
            text = values_text(file.facts.settings, named) or "The file says none of them."
            limits = [self._limit(one) for one in named]
            text = "\n".join([text, *(one for one in limits if one)])
            return _read("read_report", arguments, "settings", text)
        section = str(arguments.get("section") or "findings")
        pieces = {
            one.kind: one.text for one in of_file(file, self._known.analysis, self._known.ended)
        }
        if text := next((one for kind, one in pieces.items() if kind == section), ""):
            return _read("read_report", arguments, section, text)
        missing = f"The report has nothing on {plain(section, 30)}. It has {', '.join(pieces)}."
        return _said("read_report", arguments, missing)

    async def _look_at_plate(self, arguments: Mapping[str, object]) -> Used:
        file = self._known.file
        plate = _whole(arguments.get("plate"))
        image = await self._sources.picture(file, plate) if file else None
        if image is None:
            return _said("look_at_plate", arguments, f"There is no picture of plate {plate}.")
        text = f"The picture of plate {plate} of the user's file follows."
        return Used("look_at_plate", arguments, text, {"plate": plate}, (image,))

    async def _read_preset(self, arguments: Mapping[str, object]) -> Used:
        preset = await self._sources.preset(
            TYPES.get(str(arguments.get("type")), "process"), str(arguments.get("name") or "")
        )
        keys = [key.name for one in _words(arguments.get("keys")) if (key := known_key(one))]
        return _read("read_preset", arguments, "preset", preset_text(preset, keys or None))

    async def _compare_presets(self, arguments: Mapping[str, object]) -> Used:
        preset_type = TYPES.get(str(arguments.get("type")), "process")
        first, second = [
            await self._sources.preset(preset_type, str(arguments.get(name) or ""))
            for name in ("first", "second")
        ]
        text = differences_text(first, second)
        return _read("compare_presets", arguments, "differences", text)

    async def _propose_changes(self, arguments: Mapping[str, object]) -> Used:
        proposals = proposals_in(arguments.get("changes"))
        if not proposals:
            return _said("propose_changes", arguments, "No change was given.")
        return await self.propose(proposals, arguments)

    async def propose(self, proposals: Sequence[Proposed], arguments: Mapping[str, object]) -> Used:
        """Has changes checked and kept, whoever wants them."""
        advice_id, lines = await self._propose(proposals)
        effects = self._effects(lines)
        text = "\n".join([*(line_text(one) for one in lines), *_warnings(effects)])
        told = {
            "advice_id": advice_id,
            "lines": [one.to_json() for one in lines],
            "effects": effects.to_json(),
        }
        return Used("propose_changes", arguments, text, told)

    def _effects(self, lines: Sequence[Line]) -> Effects:
        file = self._known.file
        if file is None:
            return Effects()
        return effects_of(file.facts, changes_of(lines), self._known.situation.filament)

    def _limit(self, name: str) -> str:
        key = known_key(name)
        text = limits_text(key, self._known.situation) if key else ""
        return f"{name} may be {text}" if text else ""


def proposals_in(changes: object) -> list[Proposed]:
    """The proposals in what a model wrote, as far as they are any."""
    listed = changes if isinstance(changes, list) else []
    found = [
        Proposed(
            str(one["key"])[:120],
            one.get("new", one.get("value")),
            str(one.get("preset_type") or "") or None,
            one.get("old"),
            str(one.get("reason") or "")[:1000],
        )
        for one in listed
        if isinstance(one, dict) and one.get("key") is not None
    ]
    return found[:MOST_CHANGES]


def _warnings(effects: Effects) -> list[str]:
    """What a model should think over: its changes may be too much together."""
    return [
        f"With these changes the checks would find: {finding_text(one)}" for one in effects.raised
    ]


def line_text(line: Line) -> str:
    """What became of a proposal, for the model."""
    said = f"{line.key} = {line.asked}: {line.verdict}"
    return f"{said} ({line.why})" if line.why else said


def fitting(text: str, tokens: int) -> str:
    """A result, cut by lines to what is left of the context."""
    piece = Piece("result", "settings", "", text)
    if piece.tokens <= tokens:
        return text
    cut = shortened(piece, max(tokens, LEAST_RESULT_TOKENS))
    return cut.text if cut else text[: LEAST_RESULT_TOKENS * 2]


def _read(name: str, arguments: Mapping[str, object], about: str, text: str) -> Used:
    """What was read from a file: data, for the model as for people."""
    return Used(name, arguments, block(about, fitting(text, RESULT_TOKENS)), {"text": text[:4000]})


def _said(name: str, arguments: Mapping[str, object], text: str) -> Used:
    return Used(name, arguments, text, {"text": text})


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    return [str(one)[:120] for one in value[:MOST_KEYS]] if isinstance(value, list) else []


def _whole(value: object) -> int:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 4 else 1
