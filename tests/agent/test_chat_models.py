"""Which model answers, with which pictures and options; the guide where there is none."""

import base64
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.agent.talking import (
    MODEL,
    SEEING,
    Json,
    ask,
    body,
    chats,
    code,
    messages,
    opened,
    picture,
    post,
    problem,
    upload,
)
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent
from tests.sse import follow, text_of

# Right for somebody who never had Ollama, and where it was stopped a moment ago.
TO_DO = "start Ollama, or install it from ollama.com first."

# --- models -------------------------------------------------------------------------------------


async def test_an_unknown_model_is_not_found_and_nothing_is_kept(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    await client.patch(f"/api/v1/conversations/{conversation['id']}", json={"model": "gone:1b"})

    replies = [
        await post(client, conversation["id"], "Why?", model="nope:7b"),
        await post(client, conversation["id"], "Why?"),
    ]

    assert [problem(reply) for reply in replies] == [(404, "model-not-found")] * 2
    assert [reply.json()["model"] for reply in replies] == ["nope:7b", "gone:1b"]
    assert await messages(client, conversation["id"]) == []
    assert chats(fake) == []


async def test_a_model_that_vanished_is_an_error_of_the_answer(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    fake.misbehave(path="/api/chat", vanished=True)

    talk = await ask(client, conversation["id"], "Why?")

    assert talk.events[-1].name == "error"
    assert code(talk.last["problem"]) == "model-not-found"
    question, answer = await messages(client, conversation["id"])
    assert question == talk.message
    assert (answer["status"], answer["problem"]) == ("failed", talk.last["problem"])


async def test_the_model_of_the_conversation_answers_unless_another_is_named(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client, model="short")

    own = await ask(client, conversation["id"], "One?")
    named = await ask(client, conversation["id"], "Two?", model="think")

    assert [own.answer["model"], named.answer["model"]] == ["short:latest", "think:latest"]
    assert [chat["model"] for chat in chats(fake)] == ["short:latest", "think:latest"]


async def test_a_model_that_cannot_see_is_refused_before_anything_is_loaded(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    sha256 = await upload(client, picture())

    reply = await post(client, conversation["id"], "What is it?", model=MODEL, images=[sha256])

    assert problem(reply) == (422, "no-vision")
    assert MODEL in reply.json()["detail"]
    assert {seen.path for seen in fake.requests} <= {
        "/api/version",
        "/api/tags",
        "/api/ps",
        "/api/show",
    }
    assert await messages(client, conversation["id"]) == []


async def test_pictures_reach_a_model_that_sees_as_base64(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    one, two = picture(), picture("JPEG", shade=3)
    hashes = [await upload(client, one), await upload(client, two)]

    talk = await ask(client, conversation["id"], "What is it?", images=hashes)

    (sent,) = chats(fake)
    assert sent["model"] == SEEING
    got = [base64.b64decode(image, validate=True) for image in sent["messages"][-1]["images"]]
    assert got[0] == one
    assert Image.open(BytesIO(got[1])).size == Image.open(BytesIO(two)).size
    assert talk.message["images"] == hashes
    assert (await messages(client, conversation["id"]))[0]["images"] == hashes


async def test_who_asks_on_about_a_picture_is_answered_by_a_model_that_still_sees_it(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    await ask(client, conversation["id"], "What is it?", images=[await upload(client, picture())])

    on = await ask(client, conversation["id"], "And the left corner?")
    again = await client.post(f"/api/v1/messages/{on.answer['id']}/regenerate", json={})
    await follow(client, body(again, 202)["run"]["id"])

    assert [chat["model"] for chat in chats(fake)] == [SEEING, SEEING, SEEING]
    assert [len(chat["messages"][1].get("images") or []) for chat in chats(fake)] == [1, 1, 1]


async def test_a_named_model_without_eyes_gets_the_history_without_pictures(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    await ask(client, conversation["id"], "What is it?", images=[await upload(client, picture())])

    talk = await ask(client, conversation["id"], "And now?", model=MODEL)

    sent = chats(fake)[-1]
    assert (talk.answer["status"], sent["model"]) == ("complete", MODEL)
    assert [message.get("images") for message in sent["messages"]] == [None] * 4


async def test_only_the_latest_pictures_are_sent_again(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client, model=SEEING)
    hashes = [await upload(client, picture(shade=shade)) for shade in range(8)]

    for number in range(0, 8, 2):
        await ask(client, conversation["id"], "And?", images=hashes[number : number + 2])
    await ask(client, conversation["id"], "So?")

    sent = [len(one.get("images") or []) for one in chats(fake)[-1]["messages"]]
    assert sum(sent) == 4
    assert sent == [0, 0, 0, 0, 0, 2, 0, 2, 0, 0]


async def test_a_picture_must_be_there_before_it_is_named(client: httpx.AsyncClient) -> None:
    conversation = await opened(client)

    absent = await post(client, conversation["id"], images=["0" * 64])
    wrong = await post(client, conversation["id"], images=["../../token"])

    assert problem(absent) == (422, "no-such-image")
    assert problem(wrong) == (422, "invalid-fields")


# --- options ------------------------------------------------------------------------------------


async def test_context_and_length_are_always_sent(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)

    await ask(client, conversation["id"])
    await ask(client, conversation["id"], options={"seed": 7, "num_predict": 40})

    assert [chat["options"] for chat in chats(fake)] == [
        {"num_ctx": 8192, "num_predict": 2048},
        {"num_ctx": 8192, "num_predict": 40, "seed": 7},
    ]


async def test_options_that_do_not_exist_or_fit_are_named(client: httpx.AsyncClient) -> None:
    conversation = await opened(client)
    deep: Json = {}
    for _ in range(400):
        deep = {"a": deep}

    reply = await post(
        client,
        conversation["id"],
        options={"temperature": 9, "num_ctx": "many", "stop": "x", "speed": 1, "deep": deep},
    )
    regenerated = await client.post(
        f"/api/v1/messages/{(await ask(client, conversation['id'])).answer['id']}/regenerate",
        json={"options": {"top_p": -1}},
    )

    assert problem(reply) == problem(regenerated) == (422, "invalid-options")
    assert [error["field"] for error in reply.json()["errors"]] == [
        "options.temperature",
        "options.num_ctx",
        "options.stop",
        "options.speed",
        "options.deep",
    ]


async def test_an_option_that_cannot_hold_is_clamped_and_told(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)

    talk = await ask(client, conversation["id"], options={"num_ctx": 64_000, "num_predict": 60_000})

    clamped = talk.first("started")["clamped"]
    sent = chats(fake)[0]["options"]
    assert clamped["num_ctx"] == {"asked": 64_000, "used": 40_960}
    assert clamped["num_predict"] == {"asked": 60_000, "used": sent["num_predict"]}
    assert 38_000 < sent["num_predict"] < 40_960


# --- the guide ----------------------------------------------------------------------------------


async def test_without_ollama_the_guide_answers_and_says_so(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as served:
        conversation = await opened(served.client)
        talk = await ask(served.client, conversation["id"], "Why does PETG string?")
        told = await messages(served.client, conversation["id"])

    assert talk.names == ["started", "sources", "token", "done"]
    assert talk.first("started") == {"model": None, "backend": None, "provider": "guide"}
    assert talk.answer["content"] == text_of(talk.events)
    assert "No model is connected" in talk.answer["content"]
    assert "not from an AI model" in talk.answer["content"]
    assert TO_DO in talk.answer["content"]
    assert (talk.answer["model"], talk.answer["provider"]) == (None, "guide")
    assert told == [talk.message, talk.answer]


async def test_a_question_right_after_the_start_waits_for_the_first_look_at_ollama(
    tmp_path: Path, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/version", times=1, delay=0.7)
    async with running_agent(tmp_path / "data", ollama_url=fake.url) as served:
        conversation = await opened(served.client)
        talk = await ask(served.client, conversation["id"], "Why does PETG string?")

    assert (talk.answer["provider"], talk.answer["model"]) == ("ollama", MODEL)


async def test_the_guide_takes_over_when_ollama_dies_in_between(
    served: Served, fake: FakeOllama
) -> None:
    conversation = await opened(served.client)
    await ask(served.client, conversation["id"], "One?")
    await fake.stop()

    talk = await ask(served.client, conversation["id"], "Why does PETG string?")

    started = [event.data["provider"] for event in talk.events if event.name == "started"]
    assert started[-1] == "guide"
    assert talk.answer["provider"] == "guide"
    assert "No model is connected" in talk.answer["content"]
    assert TO_DO in talk.answer["content"]


async def test_a_model_that_appears_answers_the_next_question(
    served: Served, fake: FakeOllama
) -> None:
    for name in (MODEL, SEEING, "short", "think", "emb"):
        fake.remove_model(name)
    await served.agent.backend.check_now()
    conversation = await opened(served.client)
    before = await ask(served.client, conversation["id"], "Why?")
    fake.add_model(MODEL)
    await served.agent.backend.check_now()

    after = await ask(served.client, conversation["id"], "Why?")

    assert [before.answer["provider"], after.answer["provider"]] == ["guide", "ollama"]
    assert "No model is installed" in before.answer["content"]


# --- odd texts ----------------------------------------------------------------------------------


@pytest.mark.slow
async def test_what_a_newer_server_makes_of_a_model_is_asked_again(
    served: Served, fake: FakeOllama
) -> None:
    path, port = f"/api/v1/models/{MODEL}", int(fake.url.rpartition(":")[2])
    before = body(await served.client.get(path))

    await fake.stop()
    await served.agent.backend.until(lambda state: not state.is_up)
    fake.add_model(MODEL, capabilities=["completion", "tools"], size=2_500_000_000)
    await fake.start(port)
    await served.agent.backend.until(lambda state: state.is_up)
    after = body(await served.client.get(path))

    assert after == before | {"capabilities": ["completion", "tools"]}


async def test_an_empty_message_is_refused(client: httpx.AsyncClient) -> None:
    conversation = await opened(client)

    replies = [await post(client, conversation["id"], text) for text in ("", " \n\t ")]

    assert [problem(reply) for reply in replies] == [(422, "empty-message")] * 2


async def test_every_letter_is_kept_as_it_was_sent(client: httpx.AsyncClient) -> None:
    conversation = await opened(client, title="\u202e\0 🦑 \u2028")
    text = "👩‍👩‍👧 \0 \u2028\u2029 \r\n id: 3\n\ndata: x \u202e \ue000 ﷽ ünïcödé"

    talk = await ask(client, conversation["id"], text)

    assert (await messages(client, conversation["id"])) == [talk.message, talk.answer]
    assert talk.message["content"] == text
    shown = body(await client.get(f"/api/v1/conversations/{conversation['id']}"))
    assert shown["title"] == "\u202e\0 🦑 \u2028"


async def test_a_megabyte_of_emoji_is_too_long_for_the_model_and_kept(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    text = "🦑" * (1 << 18)

    talk = await ask(client, conversation["id"], text)

    assert talk.events[-1].name == "error"
    problem_ = talk.last["problem"]
    assert (problem_["status"], code(problem_)) == (413, "message-exceeds-context")
    assert "too long" in problem_["detail"]
    assert chats(fake) == []
    assert (await messages(client, conversation["id"]))[0]["content"] == text
    # The next one is not held up by it.
    assert (await ask(client, conversation["id"], "Why?")).events[-1].name == "done"


async def test_text_beyond_two_million_characters_is_refused(client: httpx.AsyncClient) -> None:
    conversation = await opened(client)

    reply = await post(client, conversation["id"], "x" * 2_000_001)

    assert problem(reply) == (422, "invalid-fields")
    assert reply.json()["errors"][0]["field"] == "content"


async def test_the_guide_says_which_model_and_picture_went_unheard(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as alone:
        conversation = await opened(alone.client)
        sha256 = await upload(alone.client, picture())

        talk = await ask(
            alone.client, conversation["id"], "Why?", model="qwen3:32b", images=[sha256]
        )

    assert talk.answer["provider"] == "guide"
    assert "qwen3:32b, which was asked for, has not seen the question." in text_of(talk.events)
    assert "Nobody has looked at the picture." in text_of(talk.events)
