"""What of a long conversation reaches the model, and what the user is told of the rest."""

import httpx

from agent.inference.turns import branch, title_of
from agent.shared.searching import fts_query
from tests.agent.talking import MODEL, Json, ask, body, chats, every, messages, opened
from tests.fakes.ollama import FakeOllama
from tests.serving import Served

LONG = "Retraction and temperature matter. " * 60  # about 600 tokens


async def test_the_oldest_turns_are_left_out_whole_and_the_user_is_told(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    fake.behave = fake.behave.__class__(text="Fine.")
    conversation = await opened(client, system="Be brief.")
    for number in range(12):
        await ask(client, conversation["id"], f"{number}: {LONG}")

    talk = await ask(client, conversation["id"], "And now?")

    sent = chats(fake)[-1]["messages"]
    dropped = talk.first("trimmed")["dropped_messages"]
    assert 0 < dropped < 24
    assert talk.answer["trimmed"] == dropped
    assert (await messages(client, conversation["id"]))[-1]["trimmed"] == dropped
    assert len(sent) == 1 + 24 - dropped + 1
    assert [one["role"] for one in sent[:2]] == ["system", "user"]
    assert sent[1]["content"].startswith(f"{dropped // 2}: ")
    assert sent[-1]["content"] == "And now?"


async def test_what_was_said_comes_before_the_longest_answer_unless_that_is_asked_for(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    """A context of 4,096 tokens, of which the longest answer as it comes takes a half."""
    fake.behave = fake.behave.__class__(text="Fine.")
    conversation = await opened(client, system="Be brief.")
    for number in range(4):
        await ask(client, conversation["id"], f"{number}: {LONG}", options={"num_ctx": 4096})

    told = await ask(client, conversation["id"], "Well?", options={"num_ctx": 4096})
    long = await ask(
        client, conversation["id"], "Well?", options={"num_ctx": 4096, "num_predict": 2048}
    )
    endless = await ask(
        client, conversation["id"], "Well?", options={"num_ctx": 4096, "num_predict": -1}
    )

    kept, least = [chat["options"]["num_predict"] for chat in chats(fake)[-3:-1]]
    assert "trimmed" not in told.names
    assert 1024 <= kept < 2048
    assert long.answer["trimmed"] > 0
    assert least == 2048
    assert endless.answer["trimmed"] == 0


async def test_what_fits_is_sent_whole_and_nothing_is_told(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)
    await ask(client, conversation["id"], "One?")

    talk = await ask(client, conversation["id"], "Two?")

    assert "trimmed" not in talk.names
    assert len(chats(fake)[-1]["messages"]) == 4


async def test_a_question_that_was_estimated_too_low_is_asked_again_with_less(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    # The fake's recorded models count every letter as a token, far above any estimate.
    conversation = await opened(client, model="short", system="Be brief.")
    for number in range(3):
        await ask(client, conversation["id"], f"{number} " + "x" * 1500)
    before = len(chats(fake))

    talk = await ask(client, conversation["id"], "x" * 3000, options={"num_ctx": 4096})

    tries = [len(chat["messages"]) for chat in chats(fake)[before:]]
    assert tries == [8, 2]
    assert talk.answer["trimmed"] == 6
    assert [event.name for event in talk.events].count("done") == 1


async def test_the_guide_makes_room_for_the_question(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)

    talk = await ask(
        client, conversation["id"], "Why does PETG string so much?", options={"num_ctx": 512}
    )

    assert talk.events[-1].name == "done"
    assert "sources" not in talk.names


async def test_the_passages_used_are_in_the_prompt_and_named(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client)

    talk = await ask(client, conversation["id"], "Why does PETG string so much?")

    system = chats(fake)[-1]["messages"][0]["content"]
    assert talk.answer["sources"]
    for source in talk.answer["sources"]:
        assert f"## {source['title']}" in system
        entry = body(await client.get(f"/api/v1/guide/{source['ref']}"))
        assert entry["title"] == source["title"]


async def test_instructions_of_the_conversation_replace_ours(
    client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    conversation = await opened(client, system="Answer in Welsh.")

    await ask(client, conversation["id"], "hello")

    assert chats(fake)[-1]["messages"][0] == {"role": "system", "content": "Answer in Welsh."}


async def test_thinking_is_not_sent_back(client: httpx.AsyncClient, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", thinking="CANARY thoughts.", text="Dry it.")
    conversation = await opened(client)
    first = await ask(client, conversation["id"], "One?")

    await ask(client, conversation["id"], "Two?")

    assert first.answer["thinking"] == "CANARY thoughts."
    assert [one["content"] for one in chats(fake)[-1]["messages"][1:]] == [
        "One?",
        "Dry it.",
        "Two?",
    ]
    assert "CANARY" not in str(chats(fake)[-1])


async def test_a_conversation_of_1500_messages_answers_and_lists_by_pages(
    served: Served, fake: FakeOllama
) -> None:
    client, count = served.client, 1500
    file = long_file(count)
    body(await client.post("/api/v1/conversations/import", json=file))
    conversation_id = file["conversation"]["id"]

    talk = await ask(client, conversation_id, "And now?")
    path = f"/api/v1/conversations/{conversation_id}/messages"
    page = body(await client.get(path, params={"limit": 7}))
    told = await every(client, path, limit=400)

    assert talk.events[-1].name == "done"
    sent = len(chats(fake)[-1]["messages"]) - 2
    assert talk.answer["trimmed"] == count - sent > 1000
    assert [one["id"] for one in page["items"]] == [m["id"] for m in file["messages"][:7]]
    assert [one["id"] for one in told] == [
        *(one["id"] for one in file["messages"]),
        talk.message["id"],
        talk.answer["id"],
    ]


def long_file(count: int) -> Json:
    """An exported conversation of so many messages in one line."""
    conversation_id = "01900000-0000-7000-8000-ffffffffffff"
    moment = "2026-01-31T09:05:00.000000Z"
    written: list[Json] = []
    for number in range(count):
        written.append(
            {
                "id": f"01900000-0000-7000-8000-{number:012x}",
                "conversation_id": conversation_id,
                "parent_id": written[-1]["id"] if written else None,
                "role": "assistant" if number % 2 else "user",
                "content": f"Message {number}. {LONG[: number % 900]}",
                "model": MODEL if number % 2 else None,
                "created_at": moment,
            }
        )
    return {
        "format": "orca-agents.conversation",
        "version": 1,
        "conversation": {
            "id": conversation_id,
            "title": "Long",
            "created_at": moment,
            "updated_at": moment,
            "active_message_id": written[-1]["id"],
        },
        "messages": written,
    }


# --- pure decisions -----------------------------------------------------------------------------


def test_titles_are_one_short_line() -> None:
    assert title_of("# Why?\n\n*now*") == "Why? now"
    assert title_of("x" * 100) == "x" * 59 + "…"
    assert title_of("word " * 30) == ("word " * 11).rstrip() + "…"
    assert title_of("") == ""


def test_titles_keep_what_formats_nothing() -> None:
    assert title_of("> said\n## Is *temperature* > 240 too `hot_end`?") == (
        "said Is temperature > 240 too hot_end?"
    )
    assert title_of("Why?\n<script>alert(1)</script>") == "Why? <script>alert(1)</script>"
    assert (
        title_of("```gcode\nG1 [x] 5 * 2 #1\n```\nA layer_height")
        == "G1 [x] 5 * 2 #1 A layer_height"
    )
    assert title_of("**" * 400_000) == "*" * 59 + "…"


def test_a_branch_ends_even_in_a_circle() -> None:
    assert branch({"a": None, "b": "a", "c": "b"}, "c") == ["a", "b", "c"]
    assert branch({"a": "b", "b": "a"}, "a") == ["b", "a"]
    assert branch({}, None) == []


def test_a_search_holds_words_and_no_operators() -> None:
    assert fts_query('say "hi" NOT x') == '"say" """hi""" "NOT" "x"*'
    assert fts_query("+- ()\0\"'") is None
    assert fts_query("") is None
