"""Full-text search over titles and messages."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent.talking import Json, body, every, opened
from tests.serving import Served, running_agent

LIST = "/api/v1/conversations"
MOMENT = "2026-01-31T09:05:00.000000Z"
OPEN, CLOSE = "\ue000", "\ue001"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with running_agent(tmp_path / "data") as served:
        yield served


def file(number: int, title: str, *texts: str) -> Json:
    """An exported conversation with these messages."""
    conversation_id = f"01900000-0000-7000-8000-{number:012x}"
    written = [
        {
            "id": f"01900000-0000-7000-{0x8000 + at:04x}-{number:012x}",
            "conversation_id": conversation_id,
            "role": "user",
            "content": text,
            "created_at": MOMENT,
        }
        for at, text in enumerate(texts)
    ]
    return {
        "format": "orca-agents.conversation",
        "conversation": {
            "id": conversation_id,
            "title": title,
            "created_at": MOMENT,
            "updated_at": MOMENT,
        },
        "messages": written,
    }


async def keep(client: httpx.AsyncClient, *files: Json) -> None:
    body(await client.post(f"{LIST}/import", json={"conversations": list(files)}))


async def titles(client: httpx.AsyncClient, text: str) -> list[str]:
    return sorted(one["title"] for one in await every(client, LIST, q=text))


async def test_words_are_found_in_titles_and_messages_with_marks_around_them(
    served: Served,
) -> None:
    await keep(
        served.client,
        file(1, "PETG strings", "Why?", "The nozzle of my printer oozes petg all over."),
        file(2, "Nothing here", "Bridges sag."),
    )

    found = body(await served.client.get(LIST, params={"q": "petg"}))

    (item,) = found["items"]
    shown = body(await served.client.get(f"{LIST}/{item['id']}"))
    assert item == shown | {
        "snippets": [
            {"message_id": None, "text": f"{OPEN}PETG{CLOSE} strings"},
            {
                "message_id": "01900000-0000-7000-8001-000000000001",
                "text": f"The nozzle of my printer oozes {OPEN}petg{CLOSE} all over.",
            },
        ]
    }


TYPED = [
    ("noz", ["a"]),  # the last word may be unfinished ...
    ("noz temperature", []),  # ... the others not
    ("nozzle temp", ["a"]),
    ("temperature nozzle", ["a"]),  # in any order
    ("nozzle bridge", []),  # every word
    ("uberextrusion", ["b"]),  # without the marks
    ("ÜBEREXTRUSION", ["b"]),
    ("naive", ["b"]),
    ("हिन्दी", ["h"]),
    ("打印", ["h"]),
    ("c++", ["d"]),
    ("foo_bar", ["d"]),
    ("100%", ["d"]),
    ('"quoted"', ["d"]),
    ("quoted OR nozzle", []),
    ("NEAR(", []),
    ("content:nozzle", []),
    ("*", []),
    ("-", []),
    ("'", []),
    ('"', []),
    ("\0", []),
    ("💥", []),
]


async def test_what_users_type_finds_what_they_mean(served: Served) -> None:
    await keep(
        served.client,
        file(1, "a", "nozzle temperature of 215"),
        file(2, "b", "Überextrusion is no naïve guess"),
        file(3, "h", "हिन्दी में", "打印 机器"),
        file(4, "d", 'c++ foo_bar 100% "quoted" text'),
    )

    assert {text: await titles(served.client, text) for text, _ in TYPED} == dict(TYPED)


async def test_deleted_ones_are_not_found_and_archived_ones_are(served: Served) -> None:
    await keep(
        served.client,
        file(1, "kept", "gantry"),
        file(2, "filed", "gantry"),
        file(3, "gone", "gantry"),
    )
    ids = {one["title"]: one["id"] for one in await every(served.client, LIST)}
    await served.client.patch(f"{LIST}/{ids['filed']}", json={"archived": True})
    await served.client.delete(f"{LIST}/{ids['gone']}")

    assert await titles(served.client, "gantry") == ["filed", "kept"]


async def test_a_new_title_is_found_and_the_old_one_no_more(served: Served) -> None:
    conversation = await opened(served.client, title="Elephant foot")

    await served.client.patch(f"{LIST}/{conversation['id']}", json={"title": "Layer shift"})

    assert await titles(served.client, "elephant") == []
    assert await titles(served.client, "layer") == ["Layer shift"]


async def test_pages_of_hits_hold_each_conversation_once(served: Served) -> None:
    await keep(
        served.client,
        *(file(n, f"T{n:03}", "gantry", "the gantry again", "gantry") for n in range(60)),
    )

    pages = await every(served.client, LIST, q="gantry", limit=7)

    assert [one["title"] for one in pages] == [f"T{n:03}" for n in reversed(range(60))]
    assert {len(one["snippets"]) for one in pages} == {3}


async def test_no_text_breaks_the_search(served: Served) -> None:
    await keep(served.client, file(1, "a", "nozzle"))
    typed: list[str] = []

    @settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck))
    @given(st.text(max_size=80) | st.text("\"'*^():+-{}ab \0", max_size=30))
    def collect(text: str) -> None:
        typed.append(text)

    collect()

    for text in typed:
        reply = await served.client.get(LIST, params={"q": text})
        assert reply.status_code == 200, (text, reply.text)
