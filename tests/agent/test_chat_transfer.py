"""Export and import: nothing doubled, nothing lost, nothing half taken in."""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent.talking import Json, ask, body, every, messages, opened, picture, problem, upload
from tests.agent.test_chat_search import LIST, MOMENT, file
from tests.clock import MovingClock
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent

NOBODY = "00000000-0000-7000-8000-000000000000"
NOTHING = {"created": 0, "updated": 0, "unchanged": 0, "messages_added": 0}


@pytest.fixture
async def guide(tmp_path: Path) -> AsyncIterator[Served]:
    """An agent without a model."""
    async with running_agent(tmp_path / "data") as served:
        yield served


def with_picture(number: int = 1) -> Json:
    """A file of a question with a picture, and its answer."""
    made = file(number, "Pictures", "What is it?", "A benchy.")
    data = picture(shade=number)
    sha256 = hashlib.sha256(data).hexdigest()
    question, answer = made["messages"]
    question["images"] = [sha256]
    answer |= {"role": "assistant", "parent_id": question["id"]}
    made["conversation"]["active_message_id"] = answer["id"]
    made["images"] = {sha256: {"mime": "image/png", "base64": base64.b64encode(data).decode()}}
    return made


@pytest.mark.timeout(40)
async def test_what_was_exported_deleted_and_purged_comes_back_equal(
    tmp_path: Path, fake: FakeOllama
) -> None:
    clock = MovingClock()
    fake.misbehave(path="/api/chat", thinking="Hmm.", text="Dry it.")
    async with running_agent(tmp_path / "data", ollama_url=fake.url, clock=clock) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        client = served.client
        conversation = await opened(client, system="Be brief.", model="think")
        path = f"{LIST}/{conversation['id']}"
        await ask(client, conversation["id"], "Why does PETG string?")
        edited = await ask(client, conversation["id"], "Why, really?", parent_id=None)
        sha256 = await upload(client, picture())
        await ask(client, conversation["id"], "See?", images=[sha256], model="qwen3-vl:2b")
        await client.patch(path, json={"pinned": True, "active_message_id": edited.answer["id"]})
        exported = body(await client.get(f"{path}/export"))
        shown, told = body(await client.get(path)), await messages(client, conversation["id"])

        await client.delete(path)
        clock.passes(days=8)
        await served.agent.tidy()
        assert problem(await client.get(path))[0] == 404
        counts = body(await client.post(f"{LIST}/import", json=exported))

        assert counts == NOTHING | {"created": 1, "messages_added": 6}
        assert body(await client.get(path)) == shown
        # The runs that wrote the answers are gone for good.
        assert await messages(client, conversation["id"]) == [
            message | {"run_id": None} for message in told
        ]
        again = body(await client.get(f"{path}/export"))
        assert again == exported | {"messages": await messages(client, conversation["id"])}


async def test_an_export_moves_to_another_machine_with_its_pictures(
    guide: Served, tmp_path: Path
) -> None:
    sha256 = await upload(guide.client, picture())
    body(await guide.client.post(f"{LIST}/import", json=with_picture()))
    (one,) = await every(guide.client, LIST)
    exported = await guide.client.get(f"{LIST}/{one['id']}/export")

    async with running_agent(tmp_path / "other") as other:
        headers = {"Content-Type": "application/json"}
        counts = body(
            await other.client.post(f"{LIST}/import", content=exported.content, headers=headers)
        )
        image = await other.client.get(
            f"/api/v1/images/{with_picture()['messages'][0]['images'][0]}"
        )
        unused = await other.client.get(f"/api/v1/images/{sha256}")

    assert counts == NOTHING | {"created": 1, "messages_added": 2}
    assert exported.headers["content-disposition"] == (
        f'attachment; filename="conversation-{one["id"]}.json"'
    )
    assert image.content == picture(shade=1)
    assert unused.status_code == 404


async def test_the_problem_of_a_failed_answer_comes_back_as_it_was(guide: Served) -> None:
    failed = _problem(retry_after_s=1.5, model="think")
    made = file(1, "Failed", "Why?", "")
    made["messages"][1] |= {"role": "assistant", "status": "failed", "problem": failed}

    body(await guide.client.post(f"{LIST}/import", json=made))

    told = await messages(guide.client, made["conversation"]["id"])
    assert [message["problem"] for message in told] == [None, failed]


async def test_importing_twice_changes_nothing(guide: Served) -> None:
    files = {"conversations": [with_picture(1), file(2, "Two", "a", "b")]}

    first = body(await guide.client.post(f"{LIST}/import", json=files))
    shown = await every(guide.client, LIST)
    second = body(await guide.client.post(f"{LIST}/import", json=files))

    assert first == NOTHING | {"created": 2, "messages_added": 4}
    assert second == NOTHING | {"unchanged": 2}
    assert await every(guide.client, LIST) == shown


async def test_times_in_any_form_are_kept_in_one(guide: Served) -> None:
    made = file(1, "One", "a")
    made["conversation"]["created_at"] = "2026-01-02T03:04:05Z"
    made["messages"][0]["created_at"] = "2026-01-02T05:04:05.5+02:00"

    first = body(await guide.client.post(f"{LIST}/import", json=made))
    second = body(await guide.client.post(f"{LIST}/import", json=made))
    [shown] = await every(guide.client, LIST)
    [told] = await every(guide.client, f"{LIST}/{shown['id']}/messages")

    assert first == NOTHING | {"created": 1, "messages_added": 1}
    assert second == NOTHING | {"unchanged": 1}
    assert shown["created_at"] == "2026-01-02T03:04:05.000000Z"
    assert told["created_at"] == "2026-01-02T03:04:05.500000Z"


async def test_a_longer_file_adds_what_is_new_and_keeps_what_was_changed_here(
    guide: Served,
) -> None:
    body(await guide.client.post(f"{LIST}/import", json=file(1, "Mine", "one")))
    (one,) = await every(guide.client, LIST)
    await guide.client.patch(f"{LIST}/{one['id']}", json={"title": "Renamed here"})
    longer = file(1, "Theirs", "one, changed", "two")

    counts = body(await guide.client.post(f"{LIST}/import", json=longer))

    assert counts == NOTHING | {"updated": 1, "messages_added": 1}
    shown = body(await guide.client.get(f"{LIST}/{one['id']}"))
    assert (shown["title"], shown["message_count"]) == ("Renamed here", 2)
    assert [m["content"] for m in await messages(guide.client, one["id"])] == ["one", "two"]


async def test_importing_a_deleted_conversation_brings_it_back(guide: Served) -> None:
    body(await guide.client.post(f"{LIST}/import", json=file(1, "Back", "one")))
    (one,) = await every(guide.client, LIST)
    await guide.client.delete(f"{LIST}/{one['id']}")

    counts = body(await guide.client.post(f"{LIST}/import", json=file(1, "Back", "one")))

    assert counts == NOTHING | {"updated": 1}
    assert [c["title"] for c in await every(guide.client, LIST)] == ["Back"]


async def test_markdown_shows_the_active_branch_for_people(guide: Served) -> None:
    body(await guide.client.post(f"{LIST}/import", json=with_picture()))
    (one,) = await every(guide.client, LIST)

    reply = await guide.client.get(f"{LIST}/{one['id']}/export", params={"format": "md"})

    sha256 = with_picture()["messages"][0]["images"][0]
    assert reply.headers["content-type"] == "text/markdown; charset=utf-8"
    assert reply.headers["content-disposition"].endswith('.md"')
    assert reply.text == (
        "# Pictures\n\n## You\n\nWhat is it?\n\n"
        f"*Picture {sha256[:12]}*\n\n"
        "## Assistant (built-in guide)\n\nA benchy.\n"
    )


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_ten_thousand_conversations_come_in_and_are_listed_once_each(guide: Served) -> None:
    files = {"conversations": [file(n, f"T{n}", "gantry", "nozzle") for n in range(10_000)]}

    reply = await guide.client.post(f"{LIST}/import", json=files, timeout=60)
    shown = await every(guide.client, LIST, limit=200)
    found = await every(guide.client, LIST, q="T7777", limit=200)

    assert body(reply) == NOTHING | {"created": 10_000, "messages_added": 20_000}
    assert len({one["id"] for one in shown}) == len(shown) == 10_000
    assert [one["title"] for one in found] == ["T7777"]


# --- hostile files ------------------------------------------------------------------------------


HOSTILE: dict[str, Callable[[Json], object]] = {
    "no format": lambda f: f.pop("format"),
    "another format": lambda f: f.update(format="chatgpt"),
    "a later version": lambda f: f.update(version=2),
    "an unknown field": lambda f: f.update(more=1),
    "a circle": lambda f: f["messages"][0].update(parent_id=f["messages"][1]["id"]),
    "its own parent": lambda f: f["messages"][0].update(parent_id=f["messages"][0]["id"]),
    "a parent elsewhere": lambda f: f["messages"][1].update(parent_id=NOBODY),
    "one id twice": lambda f: f["messages"][1].update(id=f["messages"][0]["id"]),
    "an id that is none": lambda f: f["messages"][0].update(id="../../etc"),
    "a conversation elsewhere": lambda f: f["messages"][0].update(conversation_id=NOBODY),
    "an active message elsewhere": lambda f: f["conversation"].update(active_message_id=NOBODY),
    "a time that is none": lambda f: f["conversation"].update(created_at="yesterday"),
    "a time before time": lambda f: f["conversation"].update(
        created_at="0001-01-01T00:00:00+23:59"
    ),
    "a time in another form": lambda f: f["messages"][0].update(created_at=MOMENT[:19]),
    "an unknown role": lambda f: f["messages"][0].update(role="root"),
    "a picture that is missing": lambda f: f["images"].clear(),
    "a picture that is another": lambda f: f["images"][f["messages"][0]["images"][0]].update(
        base64=base64.b64encode(picture(shade=9)).decode()
    ),
    "a picture that is no base64": lambda f: f["images"][f["messages"][0]["images"][0]].update(
        base64="é!"
    ),
    "a picture that is none": lambda f: _as_picture(f, b"<svg onload=alert(1)>"),
    "a picture cut off": lambda f: _as_picture(f, picture(size=(90, 90))[:-60]),
    "a number of a hundred digits": lambda f: f["messages"][1].update(
        usage={
            "prompt_tokens": 10**100,
            "completion_tokens": 1,
            "load_ms": 0,
            "first_token_ms": 0,
            "tokens_per_second": 0,
        }
    ),
    "a problem that is none": lambda f: f["messages"][1].update(problem={"a": 1}),
    "a deep problem": lambda f: f["messages"][1].update(problem=_problem(more=_deep(500))),
    "too long a text": lambda f: f["messages"][1].update(content="x" * 2_000_001),
}


def _as_picture(made: Json, data: bytes) -> None:
    sha256 = hashlib.sha256(data).hexdigest()
    made["messages"][0]["images"] = [sha256]
    made["images"] = {sha256: {"mime": "image/png", "base64": base64.b64encode(data).decode()}}


def _problem(**more: object) -> Json:
    code = "urn:orca:problem:model-not-found"
    return {"type": code, "title": "Not Found", "status": 404, "detail": "It is gone.", **more}


def _deep(levels: int) -> Json:
    value: Json = {}
    for _ in range(levels):
        value = {"a": value}
    return value


async def test_a_hostile_file_is_refused_as_a_whole(guide: Served) -> None:
    good = file(1, "Good", "one")
    for name, spoil in HOSTILE.items():
        bad = with_picture(7)
        spoil(bad)
        for document in (bad, {"conversations": [good, with_picture(3), bad]}):
            reply = await guide.client.post(f"{LIST}/import", json=document)

            assert reply.status_code in {415, 422}, (name, reply.text)
            problem(reply)

    assert await every(guide.client, LIST) == []
    totals = body(await guide.client.get("/api/v1/images/stats"))
    assert (totals["count"], totals["size_bytes"]) == (0, 0)


async def test_ids_of_another_conversation_are_a_conflict_and_nothing_is_kept(
    guide: Served,
) -> None:
    body(await guide.client.post(f"{LIST}/import", json=file(1, "Here", "one")))
    thief = file(2, "Thief", "mine now")
    thief["messages"][0]["id"] = file(1, "Here", "one")["messages"][0]["id"]

    reply = await guide.client.post(
        f"{LIST}/import", json={"conversations": [file(3, "Third", "x"), thief]}
    )

    assert problem(reply) == (409, "id-clash")
    assert [one["title"] for one in await every(guide.client, LIST)] == ["Here"]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner)
    ),
    max_leaves=6,
)


@pytest.mark.slow
@pytest.mark.timeout(40)
async def test_no_file_brings_the_agent_down(guide: Served) -> None:
    """Two hundred files, each of ours with one place in it replaced by anything."""
    spoilt: list[Json] = []

    @settings(max_examples=200, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 10_000), values)
    def collect(place: int, value: Json) -> None:
        made = deepcopy(with_picture(5))
        _replace(made, place, value)
        spoilt.append(made)

    collect()

    for document in spoilt:
        reply = await guide.client.post(f"{LIST}/import", json=document)

        assert reply.status_code in {200, 413, 415, 422}, reply.text
    for one in await every(guide.client, LIST):
        await messages(guide.client, one["id"])
        body(await guide.client.get(f"{LIST}/{one['id']}/export"))


def _replace(made: Json, place: int, value: Json) -> None:
    """Puts `value` in the place of that number."""
    places: list[tuple[Json, str]] = []

    def visit(holder: Json) -> None:
        for name, inner in list(holder.items()):
            places.append((holder, name))
            for part in inner if isinstance(inner, list) else [inner]:
                if isinstance(part, dict):
                    visit(part)

    visit(made)
    holder, name = places[place % len(places)]
    holder[name] = value
