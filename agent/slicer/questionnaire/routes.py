"""Diagnosis by questions over HTTP."""

from typing import Annotated, Literal

from pydantic import Field
from quart import Blueprint, Response, request

from agent.guide.documents import REF_PREFIX
from agent.guide.service import Guide
from agent.shared.errors import Invalid, NotFound
from agent.shared.web import In, Out, gives, gives_media, json, needs, takes
from agent.slicer.questionnaire import pictures, rules
from agent.slicer.questionnaire.questions import QUESTIONS
from agent.slicer.questionnaire.rules import Option, Place, Question, WrongAnswer

BASE = "/api/v1/slicer/questionnaire"


class AnswersIn(In):
    """The answers so far, from the first question on; none begins."""

    answers: list[Annotated[str, Field(max_length=60)]] = Field(default_factory=list, max_length=10)


class AnswerOptionOut(Out):
    """`picture` is an address; `next` the question behind it, null where it ends in defects."""

    id: str
    label: str
    picture: str
    next: str | None


class QuestionOut(Out):
    id: str
    text: str
    hint: str
    options: list[AnswerOptionOut]


class QuestionsOut(Out):
    """The first question is the start."""

    items: list[QuestionOut]
    next_cursor: str | None


class AnswerGivenOut(Out):
    question: str
    answer: str


class GuideDefectOut(Out):
    """A defect of the guide; `first_steps` is what to try, in this order."""

    ref: str
    title: str
    likely: Literal["probable", "possible"]
    why: str
    first_steps: list[str]
    keys: list[str]


class QuestionPlaceOut(Out):
    """Either the next `question`, or the `defects` that fit."""

    question: QuestionOut | None
    defects: list[GuideDefectOut]
    path: list[AnswerGivenOut]


def routes(guide: Guide) -> Blueprint:
    bp = Blueprint("questionnaire", __name__, url_prefix=BASE)

    @bp.get("")
    @needs("slicer")
    @gives(QuestionsOut)
    async def list_questions() -> Response:
        """Every question with its answers, for a page that goes through them by itself."""
        return json({"items": [_question(one) for one in QUESTIONS], "next_cursor": None})

    @bp.post("")
    @needs("slicer")
    @takes(AnswersIn, limit_bytes=16 * 1024)
    @gives(QuestionPlaceOut)
    async def follow_answers(asked: AnswersIn) -> Response:
        """Where the answers lead: to the next question, or to defects of the guide."""
        try:
            place = rules.follow(QUESTIONS, asked.answers)
        except WrongAnswer as wrong:
            known = ", ".join(wrong.known) or "none: the questions have ended"
            detail = f"There is no such answer here. Known: {known}."
            field = f"answers.{wrong.number}"
            raise Invalid(
                "no-such-answer", detail, errors=[{"field": field, "detail": detail}]
            ) from None
        return json(_place(place, guide))

    @bp.get("/pictures/<name>.svg")
    @needs("slicer")
    @gives_media(200, "image/svg+xml")
    async def show_picture(name: str) -> Response:
        """A picture of an answer, drawn by the agent."""
        if (svg := pictures.drawn(name)) is None:
            raise NotFound("no-such-picture", "The questionnaire has no such picture.")
        response = Response(svg, content_type="image/svg+xml")
        response.headers["Cache-Control"] = "private, max-age=86400"
        await response.add_etag()
        return await response.make_conditional(request)

    return bp


def _question(question: Question) -> dict[str, object]:
    return {
        "id": question.id,
        "text": question.text,
        "hint": question.hint,
        "options": [_option(option) for option in question.options],
    }


def _option(option: Option) -> dict[str, object]:
    return {
        "id": option.id,
        "label": option.label,
        "picture": f"{BASE}/pictures/{option.picture}.svg",
        "next": option.next,
    }


def _place(place: Place, guide: Guide) -> dict[str, object]:
    return {
        "question": _question(place.question) if place.question else None,
        "defects": [_defect(guide, slug, number) for number, slug in enumerate(place.defects)],
        "path": [{"question": q.text, "answer": option.label} for q, option in place.path],
    }


def _defect(guide: Guide, slug: str, number: int) -> dict[str, object]:
    entry = guide.entry(f"{REF_PREFIX}{slug}")
    return {
        "ref": entry.ref,
        "title": entry.title,
        "likely": "possible" if number else "probable",
        "why": rules.why(entry.text),
        "first_steps": rules.first_steps(entry.text),
        "keys": entry.keys,
    }
