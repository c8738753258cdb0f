"""What a photo shows: the guide's defects, checked, or the way to the questions."""

import json
from pathlib import Path

import httpx
import pytest

from tests.agent.slicer.advice.printing import PLAIN, SEES, Json, printed, system_of
from tests.agent.talking import body, chats, data_url, picture, problem, upload
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")
DIAGNOSIS = "/api/v1/slicer/diagnosis"


def seen(defect: str = "stringing", confidence: float = 0.8) -> str:
    """The structured answer of a model that sees."""
    return json.dumps(
        {
            "defect": defect,
            "confidence": confidence,
            "seen": "hairs between the towers <script>",
            "causes": [{"cause": "wet filament", "why": "PETG takes up water"}],
            "first_steps": ["Dry the spool."],
        }
    )


async def diagnosed(client: httpx.AsyncClient, **asked: object) -> Json:
    return body(await client.post(DIAGNOSIS, json={"image": data_url(), **asked}))


async def test_a_photo_and_the_evidence_go_to_a_model_that_sees(
    served: Served, fake: FakeOllama
) -> None:
    file_id = await printed(served.client)
    fake.misbehave(path="/api/chat", text=seen())
    image = await upload(served.client, picture())

    told = body(
        await served.client.post(
            DIAGNOSIS, json={"image": image, "file_id": file_id, "description": "What is this?"}
        )
    )

    assert (told["provider"], told["model"]) == ("model", SEES)
    assert (told["defect"]["ref"], told["confidence"]) == ("guide/stringing", 0.8)
    assert told["defect"]["text"].startswith("Fine hairs")
    assert told["seen"] == "hairs between the towers ‹script›"
    assert told["causes"] == [{"cause": "wet filament", "why": "PETG takes up water"}]
    assert told["first_steps"] == ["Dry the spool."]
    assert (told["questionnaire"], told["reason"]) == (None, "")
    kinds = [one["kind"] for one in told["sources"]]
    assert (kinds[0], "settings" in kinds) == ("photo", True)
    assert told["sources"][0]["ref"] == f"image/{image}"
    asked = chats(fake)[-1]
    assert len(asked["messages"][1]["images"]) == 1
    defects = asked["format"]["properties"]["defect"]["enum"]
    assert ("stringing" in defects, "none" in defects, len(defects) > 30) == (True, True, True)
    assert "nozzle_temperature = 235" in system_of(fake)


@pytest.mark.parametrize(
    ("defect", "confidence"), [("none", 0.9), ("stringing", 0.1), ("warping", 0.29)]
)
async def test_what_is_not_clear_is_not_named(
    served: Served, fake: FakeOllama, defect: str, confidence: float
) -> None:
    fake.misbehave(path="/api/chat", text=seen(defect, confidence))

    told = await diagnosed(served.client)

    assert (told["defect"], told["causes"], told["first_steps"]) == (None, [], [])
    assert told["questionnaire"] == "/api/v1/slicer/questionnaire"
    assert told["reason"].startswith("The model was not sure")


async def test_a_defect_that_the_guide_does_not_know_is_asked_for_again_and_then_left(
    served: Served, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text=seen("gremlins"))

    told = await diagnosed(served.client)

    assert (told["provider"], told["defect"]) == ("questionnaire", None)
    assert told["reason"] == "The model's answer could not be read."
    assert len(chats(fake)) == 2


async def test_a_model_that_cannot_see_is_refused_where_it_was_named(served: Served) -> None:
    named = await served.client.post(DIAGNOSIS, json={"image": data_url(), "model": PLAIN})
    unknown = await served.client.post(DIAGNOSIS, json={"image": "0" * 64})
    broken = await served.client.post(DIAGNOSIS, json={"image": "data:image/png;base64,AAAA"})

    assert problem(named) == (422, "no-vision")
    assert problem(unknown)[0] == 404
    assert problem(broken)[0] in {415, 422}


async def test_without_a_model_the_questions_lead_there_too(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as alone:
        told = await diagnosed(alone.client)

    assert (told["provider"], told["model"], told["defect"]) == ("questionnaire", None, None)
    assert told["questionnaire"] == "/api/v1/slicer/questionnaire"
    assert told["reason"] == "No model server answers."
