"""Questions that lead from what is seen on a print to the guide's defects, without a model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

STEPS_SHOWN = 4

_WHY = re.compile(r"^\*\*Why:\*\*\s*(.+?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^\d+\.\s+(.+?)(?=\n\d+\.|\n\n|\n- |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Option:
    """One answer. It leads to another question, or to defects, the likeliest first."""

    id: str
    label: str
    picture: str
    next: str | None = None
    defects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    text: str
    options: tuple[Option, ...]
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row of answers leads: to a question, or to defects."""

    question: Question | None
    defects: tuple[str, ...]
    path: tuple[tuple[Question, Option], ...]


class WrongAnswer(ValueError):
    """`number` counts from 0; `known` are the answers that there are."""

    def __init__(self, number: int, known: Sequence[str]) -> None:
        super().__init__(number)
        self.number, self.known = number, tuple(known)


def follow(questions: Sequence[Question], answers: Sequence[str]) -> Place:
    """From the first question along the answers. Raises WrongAnswer."""
    by_id = {question.id: question for question in questions}
    here: Question | None = questions[0]
    path: list[tuple[Question, Option]] = []
    defects: tuple[str, ...] = ()
    for number, answer in enumerate(answers):
        if here is None:
            raise WrongAnswer(number, ())
        chosen = next((option for option in here.options if option.id == answer), None)
        if chosen is None:
            raise WrongAnswer(number, [option.id for option in here.options])
        path.append((here, chosen))
        here, defects = by_id[chosen.next] if chosen.next else None, chosen.defects
    return Place(here, defects, tuple(path))


def why(entry: str) -> str:
    """The paragraph of an entry that says what causes a defect."""
    found = _WHY.search(entry)
    return " ".join(found[1].split()) if found else ""


def first_steps(entry: str) -> list[str]:
    """What an entry says to try, in its order."""
    return [" ".join(step.split()) for step in _STEP.findall(entry)][:STEPS_SHOWN]
