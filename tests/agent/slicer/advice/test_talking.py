"""A conversation about a print: what the model is sent, which tools it has, what is kept."""

import json

import pytest

from tests.agent.slicer.advice.printing import (
    ADVICE,
    ORDER,
    PLAIN,
    SEES,
    TOOLS,
    Json,
    printed,
    system_of,
)
from tests.agent.talking import Talk, ask, body, chats, opened, post, problem
from tests.fakes.ollama import FakeOllama
from tests.serving import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


def call(name: str, /, **arguments: object) -> Json:
    return {"name": name, "arguments": arguments}


def tools_in(talk: Talk) -> list[Json]:
    """What the run told of tools."""
    return [dict(event.data) for event in talk.events if event.name == "tool"]


async def test_a_model_asks_its_tools_and_then_answers(served: Served, fake: FakeOllama) -> None:
    file_id = await printed(served.client)
    conversation = await opened(served.client, model=TOOLS)
    calls = [
        call("read_report", section="settings", keys=["nozzle_temperature"]),
        call("search_guide", query="stringing"),
        call("read_preset", type="filament", name="My PETG"),
        call("compare_presets", type="filament", first="Acme PETG", second="My PETG"),
        call("make_coffee", cups=2),
    ]
    fake.misbehave(path="/api/chat", times=1, text="", tool_call=calls)
    fake.misbehave(path="/api/chat", text="Lower it.")
    fake.misbehave(path="/api/chat", times=1, text="", tool_call=calls)

    talk = await ask(served.client, conversation["id"], context={"file_id": file_id})

    told = tools_in(talk)
    assert [one["name"] for one in told] == [one["name"] for one in calls]
    assert told[0]["result"]["text"].startswith("nozzle_temperature = 235")
    assert told[1]["result"]["items"][0]["ref"] == "guide/stringing"
    assert "inherits" in told[2]["result"]["text"]
    assert "nozzle_temperature: 240 | 235" in told[3]["result"]["text"]
    assert told[4]["result"]["error"].startswith("There is no tool called make_coffee.")
    assert talk.answer["content"] == "Lower it."
    assert talk.names[-3:] == ["tool", "token", "done"]
    first, second = chats(fake)
    assert [one["function"]["name"] for one in first["tools"]][:2] == [
        "search_guide",
        "propose_changes",
    ]
    assert [one["role"] for one in second["messages"]] == [
        *("system", "user", "assistant"),
        *["tool"] * 5,
    ]
    assert "nozzle_temperature may be 220 to 260 °C" in second["messages"][3]["content"]


async def test_what_was_sent_is_kept_with_the_answer(served: Served, fake: FakeOllama) -> None:
    file_id = await printed(served.client)
    conversation = await opened(served.client, model=TOOLS)
    fake.misbehave(path="/api/chat", text="Fine.")

    talk = await ask(
        served.client, conversation["id"], context={"file_id": file_id, "without": ["settings"]}
    )

    refs = [one["ref"] for one in talk.answer["sources"]]
    assert refs[:2] == [f"file/{file_id}#file", f"file/{file_id}#findings"]
    assert talk.first("sources")["items"] == talk.answer["sources"]
    path = f"/api/v1/slicer/evidence/{talk.answer['id']}"
    sent = body(await served.client.get(path))
    assert [one["id"] for one in sent["items"]] == ["file", "findings", "changed"]
    assert sent["items"][0]["text"] in system_of(fake)
    assert talk.message["context"] == {
        "file_id": file_id,
        "preset": None,
        "without": ["settings"],
    }
    assert problem(await served.client.get("/api/v1/slicer/evidence/nothing")) == (
        404,
        "no-evidence",
    )


async def test_the_next_question_is_about_the_same_file_until_it_is_taken_away(
    served: Served, fake: FakeOllama
) -> None:
    file_id = await printed(served.client)
    conversation = await opened(served.client, model=TOOLS)
    fake.misbehave(path="/api/chat", text="Fine.")
    await ask(served.client, conversation["id"], context={"file_id": file_id})

    second = await ask(served.client, conversation["id"], "And the bed?")
    third = await ask(served.client, conversation["id"], "Who are you?", context=None)
    again = body(
        await served.client.post(f"/api/v1/messages/{second.message['id']}/regenerate", json={}),
        202,
    )
    # To its end: it would ask the model in the middle of what comes next.
    assert "done" in (await served.client.get(f"/api/v1/runs/{again['run']['id']}/events")).text

    assert second.message["context"]["file_id"] == file_id
    assert (third.message["context"], "tools" in chats(fake)[2]) == (None, False)
    assert again["message"]["context"]["file_id"] == file_id


async def test_a_proposal_in_a_talk_is_checked_and_kept_as_advice(
    served: Served, fake: FakeOllama
) -> None:
    file_id = await printed(served.client, name=f"{ORDER}.gcode")
    conversation = await opened(served.client, model=TOOLS)
    changes = [
        {"preset_type": "filament", "key": "nozzle_temperature", "new": "400", "reason": ORDER},
        {"preset_type": "filament", "key": "nozzle_temperature", "new": "225", "reason": "ooze"},
    ]
    fake.misbehave(path="/api/chat", text="Done.")
    fake.misbehave(
        path="/api/chat", times=1, text="", tool_call=call("propose_changes", changes=changes)
    )

    talk = await ask(served.client, conversation["id"], context={"file_id": file_id})

    result = tools_in(talk)[0]["result"]
    assert [line["verdict"] for line in result["lines"]] == ["refused", "accepted"]
    told = chats(fake)[-1]["messages"][-1]["content"]
    assert told.startswith("nozzle_temperature = 400: refused (400 °C is beyond 300 °C")
    kept = body(await served.client.get(f"{ADVICE}/{result['advice_id']}"))
    assert (kept["source"], kept["message_id"], kept["file_id"]) == (
        "chat",
        talk.answer["id"],
        file_id,
    )
    assert kept["lines"] == result["lines"]
    assert talk.answer["sources"][-1] == {
        "title": "Proposed changes",
        "ref": f"advice/{kept['id']}",
    }


async def test_a_model_that_never_stops_asking_is_stopped(served: Served, fake: FakeOllama) -> None:
    file_id = await printed(served.client)
    conversation = await opened(served.client, model=TOOLS)
    fake.misbehave(path="/api/chat", text="", tool_call=call("search_guide", query="stringing"))

    talk = await ask(served.client, conversation["id"], context={"file_id": file_id})

    asked = chats(fake)
    assert len(asked) == 5
    assert ["tools" in one for one in asked] == [True, True, True, True, False]
    assert len(tools_in(talk)) <= 8
    assert talk.names[-1] == "done"


async def test_a_model_without_tools_says_in_a_form_what_it_needs(
    served: Served, fake: FakeOllama
) -> None:
    file_id = await printed(served.client)
    conversation = await opened(served.client, model=PLAIN)
    plan = {
        "guide": ["stringing"],
        "settings": ["nozzle_temperature", "no_such_thing"],
        "changes": [{"preset_type": "filament", "key": "nozzle_temperature", "new": "400"}],
    }
    fake.misbehave(path="/api/chat", text="Lower it.")
    fake.misbehave(path="/api/chat", times=1, text=json.dumps(plan))

    talk = await ask(served.client, conversation["id"], context={"file_id": file_id})

    assert [one["name"] for one in tools_in(talk)] == [
        "search_guide",
        "read_report",
        "propose_changes",
    ]
    assert talk.answer["content"] == "Lower it."
    form, answer = chats(fake)
    assert ("format" in form, "tools" in form) == (True, False)
    assert ("format" in answer, "tools" in answer) == (False, False)
    assert "What was looked up" in answer["messages"][0]["content"]
    assert "400 °C is beyond 300 °C" in answer["messages"][0]["content"]


async def test_a_form_that_is_none_leaves_the_evidence(served: Served, fake: FakeOllama) -> None:
    file_id = await printed(served.client)
    conversation = await opened(served.client, model=PLAIN)
    fake.misbehave(path="/api/chat", text="I would rather talk.")

    talk = await ask(served.client, conversation["id"], context={"file_id": file_id})

    assert tools_in(talk) == []
    assert talk.answer["content"] == "I would rather talk."
    assert '<data name="findings">' in system_of(fake)


async def test_a_model_that_sees_looks_at_the_plate(served: Served, fake: FakeOllama) -> None:
    file_id = await printed(served.client)
    conversation = await opened(served.client, model=SEES)
    fake.misbehave(path="/api/chat", text="A square.")
    looks = [call("look_at_plate", plate=1), call("look_at_plate", plate=9)]
    fake.misbehave(path="/api/chat", times=1, text="", tool_call=looks)

    talk = await ask(served.client, conversation["id"], context={"file_id": file_id})

    assert talk.answer["content"] == "A square."
    last = chats(fake)[-1]["messages"]
    assert [len(one.get("images", [])) for one in last[3:]] == [0, 0, 1, 1]
    assert last[-1]["role"] == "user"


async def test_a_question_about_what_is_not_there_is_refused(served: Served) -> None:
    conversation = await opened(served.client)

    file = await post(served.client, conversation["id"], context={"file_id": "gone"})
    preset = await post(served.client, conversation["id"], context={"preset": "Nobody's"})

    assert problem(file)[0] == 404
    assert problem(preset)[0] == 404


async def test_a_file_that_has_gone_is_missed_and_the_talk_goes_on(
    served: Served, fake: FakeOllama
) -> None:
    file_id = await printed(served.client)
    conversation = await opened(served.client, model=TOOLS)
    fake.misbehave(path="/api/chat", text="Fine.")
    await ask(served.client, conversation["id"], context={"file_id": file_id})
    await served.client.delete(f"/api/v1/slicer/files/{file_id}")

    talk = await ask(served.client, conversation["id"], "And now?")

    assert talk.answer["content"] == "Fine."
    assert "is not kept any more" in system_of(fake)


async def test_who_may_talk_may_not_look_into_files(served: Served) -> None:
    file_id = await printed(served.client)
    conversation = await opened(served.client)
    made = await served.client.post("/api/v1/tokens", json={"name": "t", "scopes": ["chat"]})
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    path = f"/api/v1/conversations/{conversation['id']}/messages"
    asked = {"content": "What is in it?", "context": {"file_id": file_id}}

    refused = await served.stranger.post(path, json=asked, headers=headers)

    assert problem(refused) == (403, "scope-missing")


async def test_a_small_context_gets_less_evidence_and_still_an_answer(
    served: Served, fake: FakeOllama
) -> None:
    file_id = await printed(served.client)
    conversation = await opened(served.client, model=TOOLS)
    fake.misbehave(path="/api/chat", text="Short.")

    talk = await ask(
        served.client,
        conversation["id"],
        "Why? " * 20,
        context={"file_id": file_id},
        options={"num_ctx": 1000, "num_predict": 150},
    )

    sent = body(await served.client.get(f"/api/v1/slicer/evidence/{talk.answer['id']}"))
    whole = body(await served.client.get("/api/v1/slicer/evidence", params={"file_id": file_id}))
    assert talk.answer["content"] == "Short."
    assert 0 < sum(one["tokens"] for one in sent["items"]) < whole["tokens"]


async def test_without_a_model_the_checks_and_the_guide_answer(
    served: Served, fake: FakeOllama
) -> None:
    fast = {"outer_wall_speed": "400", "filament_max_volumetric_speed": "8"}
    file_id = await printed(served.client, fast)
    conversation = await opened(served.client, model=TOOLS)
    for _ in range(6):
        fake.misbehave(path="/api/chat", close_after=0)

    talk = await ask(served.client, conversation["id"], context={"file_id": file_id})

    assert talk.answer["provider"] == "guide"
    assert "## What the checks found in vase.gcode" in talk.answer["content"]
    assert [one["name"] for one in tools_in(talk)] == ["propose_changes"]
    assert tools_in(talk)[0]["result"]["lines"]
