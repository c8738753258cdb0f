"""What a photo of a print shows: a model that sees chooses from the guide's list of defects."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from agent.guide.documents import REF_PREFIX, Entry
from agent.guide.service import Guide
from agent.inference.asked import Asked
from agent.inference.rules import Message
from agent.inference.service import AnswerService, Call
from agent.shared.errors import OrcaError
from agent.slicer.advice.advising import is_for_want_of_a_model
from agent.slicer.advice.gathering import Gathering
from agent.slicer.advice.quoting import plain
from agent.slicer.advice.rules import Piece, Wanted, chosen, switched_on
from agent.slicer.advice.texts import diagnosis_format, diagnosis_text, evidence_text

Json = dict[str, Any]  # Any: JSON values

SHARE = 0.35  # of the context: the list of defects and the photo come before the evidence
MOST_CAUSES = 5
UNSURE = 0.3  # below it, nothing is named
QUESTIONNAIRE = "/api/v1/slicer/questionnaire"
WHY_NOT = {
    "ollama-down": "No model server answers.",
    "no-model": "No model is installed.",
    "no-vision": "No installed model can see pictures.",
    "format-not-kept": "The model's answer could not be read.",
}
NO_ANSWER = "The model did not answer."
NOT_CLEAR = "The model was not sure enough what the photo shows."


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo, by its hash or as a data URL, and what it is of."""

    image: str
    description: str = ""
    wanted: Wanted = field(default_factory=Wanted)
    model: str | None = None


class Diagnosis:
    """Without a model that sees it says where the questions are that lead there too."""

    def __init__(
        self,
        answers: AnswerService,
        gathering: Gathering,
        guide: Guide,
        context_tokens: Callable[[], Awaitable[int]],
    ) -> None:
        self._answers, self._gathering, self._guide = answers, gathering, guide
        self._context_tokens = context_tokens

    @property
    def defects(self) -> dict[str, Entry]:
        """The guide's defects by their short names."""
        return {
            entry.ref.removeprefix(REF_PREFIX): entry
            for entry in self._guide.entries
            if entry.topic == "defects"
        }

    async def diagnose(self, photo: Photo, call: Call) -> Json:
        """Raises NotFound for a file, a preset or a model that is named and not there."""
        await self._gathering.check(photo.wanted)
        gathered = await self._gathering.gather(photo.wanted)
        budget = int(await self._context_tokens() * SHARE)
        pieces = chosen(switched_on(gathered.pieces, photo.wanted.without), budget)
        pieces = (_piece(photo), *pieces)
        try:
            said = await self._asked(photo, pieces, call)
        except OrcaError as err:
            if not is_for_want_of_a_model(err) or photo.model is not None:
                raise
            return _reduced(WHY_NOT.get(err.code, NO_ANSWER))
        return self._checked(orjson.loads(said["message"]["content"]), str(said["model"]), pieces)

    async def _asked(self, photo: Photo, pieces: tuple[Piece, ...], call: Call) -> Json:
        defects = {name: entry.title for name, entry in self.defects.items()}
        evidence = evidence_text([one for one in pieces if one.kind != "photo"])
        system = "\n\n".join(filter(None, [diagnosis_text(defects), evidence]))
        question = photo.description.strip() or "What went wrong with this print?"
        asked = Asked(
            (Message("system", system), Message("user", question, (photo.image,))),
            photo.model,
            format=diagnosis_format(list(defects)),
            options={"temperature": 0.1},
        )
        return await self._answers.answer(asked, call)

    def _checked(self, said: Json, model: str, pieces: tuple[Piece, ...]) -> Json:
        """What the model said, held against the guide: a defect that is none of it is none."""
        entry = self.defects.get(str(said["defect"]))
        confidence = min(max(float(said["confidence"]), 0.0), 1.0)
        is_clear = entry is not None and confidence >= UNSURE
        defect = entry if is_clear else None
        return {
            "provider": "model",
            "model": model,
            "defect": _defect(defect) if defect else None,
            "confidence": confidence,
            "seen": plain(str(said["seen"]), 500),
            "causes": [
                {"cause": plain(str(one["cause"]), 200), "why": plain(str(one["why"]), 400)}
                for one in said["causes"][:MOST_CAUSES]
            ]
            if defect
            else [],
            "first_steps": [plain(str(one), 300) for one in said["first_steps"][:MOST_CAUSES]]
            if defect
            else [],
            "questionnaire": None if defect else QUESTIONNAIRE,
            "reason": "" if defect else NOT_CLEAR,
            "sources": [piece.to_json() for piece in pieces],
        }


def _piece(photo: Photo) -> Piece:
    """The photo itself, which the model sees."""
    where = "" if photo.image.startswith("data:") else f"image/{photo.image}"
    return Piece("photo", "photo", "The photo", "", where)


def _defect(entry: Entry) -> Json:
    return {"ref": entry.ref, "title": entry.title, "text": entry.text}


def _reduced(reason: str) -> Json:
    return {
        "provider": "questionnaire",
        "model": None,
        "defect": None,
        "confidence": None,
        "seen": "",
        "causes": [],
        "first_steps": [],
        "questionnaire": QUESTIONNAIRE,
        "reason": reason,
        "sources": [],
    }
