"""The questionnaire's pictures by name."""

from collections.abc import Callable, Mapping

from agent.slicer.questionnaire.drawing import picture
from agent.slicer.questionnaire.part_pictures import PART_PICTURES
from agent.slicer.questionnaire.questions import QUESTIONS
from agent.slicer.questionnaire.wall_pictures import WALL_PICTURES

_DRAWN: Mapping[str, Callable[[], str]] = {**WALL_PICTURES, **PART_PICTURES}
_SAYS: Mapping[str, str] = {
    option.picture: option.label for question in QUESTIONS for option in question.options
}


def drawn(name: str) -> str | None:
    """The picture of this name as SVG, None if there is none."""
    stroke = _DRAWN.get(name)
    return picture(_SAYS.get(name, name), stroke()) if stroke else None


def names() -> frozenset[str]:
    return frozenset(_DRAWN)
