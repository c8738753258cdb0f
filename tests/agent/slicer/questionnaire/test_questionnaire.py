"""Diagnosis by questions: every way ends in the guide, and every answer has its picture."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import httpx
import pytest

from agent.guide.service import Guide
from agent.slicer.questionnaire import pictures
from agent.slicer.questionnaire.questions import QUESTIONS
from agent.slicer.questionnaire.rules import Option, WrongAnswer, first_steps, follow, why

PATH = "/api/v1/slicer/questionnaire"
DRAWN = "{http://www.w3.org/2000/svg}"


def _ways(answers: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Option]]:
    """Every row of answers that ends, with its last answer."""
    place = follow(QUESTIONS, answers)
    if place.question is None:
        yield answers, place.path[-1][1]
        return
    for option in place.question.options:
        yield from _ways((*answers, option.id))


def test_every_way_ends_in_defects_and_every_defect_ends_a_way() -> None:
    guide = Guide.open()
    defects = {e.ref.removeprefix("guide/") for e in guide.entries if e.topic == "defects"}
    ends = list(_ways())

    assert max(len(answers) for answers, _ in ends) <= 3
    assert [answers for answers, end in ends if not end.defects] == []
    assert {end.defects[0] for _, end in ends} == defects
    assert {slug for _, end in ends for slug in end.defects} <= defects


def test_every_defect_says_why_and_what_to_try_first() -> None:
    silent = [
        entry.ref
        for entry in Guide.open().entries
        if entry.topic == "defects" and not (why(entry.text) and len(first_steps(entry.text)) >= 2)
    ]

    assert silent == []


def test_every_question_can_be_reached_and_has_answers_of_its_own() -> None:
    reached = {option.next for question in QUESTIONS for option in question.options if option.next}

    assert reached | {QUESTIONS[0].id} == {question.id for question in QUESTIONS}
    for question in QUESTIONS:
        answers = [option.id for option in question.options]
        assert len(set(answers)) == len(answers) >= 2


def test_every_answer_has_a_picture_that_draws_inside_its_ground() -> None:
    wanted = {option.picture for question in QUESTIONS for option in question.options}

    assert wanted == pictures.names()
    for name in wanted:
        svg = ET.fromstring(pictures.drawn(name) or "")  # noqa: S314 - our own
        assert svg.tag == f"{DRAWN}svg"
        assert svg.findtext(f"{DRAWN}title")
        assert len(svg) >= 3
        assert [point for point in _points(svg) if not _is_inside(*point)] == [], name


def _points(svg: ET.Element) -> Iterator[tuple[float, float]]:
    for one in svg.iter():
        for pair in one.get("points", "").split():
            x, _, y = pair.partition(",")
            yield float(x), float(y)
        if one.tag == f"{DRAWN}rect":
            left, top = float(one.get("x", "")), float(one.get("y", ""))
            yield left, top
            yield left + float(one.get("width", "")), top + float(one.get("height", ""))


def _is_inside(x: float, y: float) -> bool:
    return 0 <= x <= 160 and 0 <= y <= 120


@pytest.mark.parametrize(
    ("answers", "number", "known"),
    [
        (["moon"], 0, 8),
        (["walls", "bed"], 1, 8),
        (["bed", "warping", "more"], 2, 0),
    ],
)
def test_an_answer_that_is_not_there_is_named(answers: list[str], number: int, known: int) -> None:
    with pytest.raises(WrongAnswer) as refused:
        follow(QUESTIONS, answers)

    assert (refused.value.number, len(refused.value.known)) == (number, known)


async def test_the_questions_lead_to_the_guide_through_the_door(client: httpx.AsyncClient) -> None:
    listed = (await client.get(PATH)).json()
    begun = (await client.post(PATH, json={})).json()
    on_the_way = (await client.post(PATH, json={"answers": ["walls"]})).json()
    found = (await client.post(PATH, json={"answers": ["walls", "upright", "vfa"]})).json()
    wrong = await client.post(PATH, json={"answers": ["walls", "moon"]})
    drawing = await client.get(begun["question"]["options"][1]["picture"])
    again = await client.get(
        begun["question"]["options"][1]["picture"],
        headers={"If-None-Match": drawing.headers["ETag"]},
    )
    missing = await client.get(f"{PATH}/pictures/moon.svg")

    assert listed["items"][0] == begun["question"]
    assert (begun["defects"], begun["path"]) == ([], [])
    assert on_the_way["question"]["id"] == "walls"
    assert on_the_way["path"] == [
        {"question": "Where does it show, or when?", "answer": "On the side walls"}
    ]
    assert found["question"] is None
    assert [(d["ref"], d["likely"]) for d in found["defects"]] == [
        ("guide/vfa", "probable"),
        ("guide/ringing", "possible"),
    ]
    assert found["defects"][0]["keys"][0] == "outer_wall_speed"
    assert found["defects"][0]["first_steps"]
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "answers.1")
    assert drawing.headers["Content-Type"] == "image/svg+xml"
    assert drawing.text.startswith("<svg ")
    assert again.status_code == 304
    assert missing.status_code == 404
