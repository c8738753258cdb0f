"""Asking in conversations: answers that are kept, in branches, with the files in them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from agent.chat.transfer import Exported
from agent.shared.clock import random_id
from hub.chat.store import Messages
from hub.identity.service import NewAccount
from tests.clock import MovingClock
from tests.hub.asking import Asked, Json, asked_hub, code, streamed, text_of
from tests.hub.serving import PASSWORD, running_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")
CODE = "Here it is.\n\n```python tools/flow.py\nx = (\n```\n\n```bash\npython tools/flow.py\n```\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Asked]:
    folder: Path = tmp_path_factory.mktemp("asked")
    async with asked_hub(folder / "data", environment) as one:
        yield one


async def opened(browser: httpx.AsyncClient, **said: object) -> str:
    body = {"model": "qwen3:4b", **said}
    made: str = (await browser.post("/conversations", json=body)).json()["id"]
    return made


async def tree(browser: httpx.AsyncClient, conversation: str) -> list[Json]:
    answer = await browser.get(f"/conversations/{conversation}/messages")
    items: list[Json] = answer.json()["items"]
    return items


async def answered(asked: Asked, path: str, body: Json, says: str) -> Json:
    """What the closing event says of an answer with these words, to bob."""
    asked.near.misbehave(path="/api/chat", text=says)
    try:
        events = await streamed(asked.bob, path, body)
    finally:
        asked.near.behave_well()
    return {"name": events[-1].name, "text": text_of(events), **events[-1].data}


async def test_no_answer_has_words_that_cannot_be_kept(asked: Asked) -> None:
    """Rare letters, in words with hyphens: more of them than an index takes."""
    letters = [chr(0x20000 + number) for number in range(300)]
    words = [one + other for one in letters for other in letters][:66_000]
    says = " ".join(map("-".join, zip(words[::2], words[1::2], strict=True)))
    conversation = await opened(asked.bob)
    path = f"/conversations/{conversation}/messages"
    done = await answered(asked, path, {"content": "Rare?"}, "Rare.")
    async with asked.hub.hub.core.database.writing() as connection:
        await Messages(connection).change(done["message"]["id"], {"content": says})
    messages = await tree(asked.bob, conversation)

    assert messages[1]["content"] == says


async def test_an_answer_is_kept_with_its_question_and_found_again(asked: Asked) -> None:
    bob, one = asked.bob, await opened(asked.bob)
    says = "Dry the filament, then look at the zeppelin."
    done = await answered(
        asked, f"/conversations/{one}/messages", {"content": "Why strings?"}, says
    )
    messages = await tree(bob, one)
    conversation = (await bob.get(f"/conversations/{one}")).json()
    found = (await bob.get("/conversations", params={"q": "filament zepp"})).json()["items"]
    foreign = (await asked.ada.get("/conversations", params={"q": "zeppelin"})).json()["items"]

    assert (done["name"], done["text"], done["message"]) == ("done", says, messages[1])
    assert [(m["role"], m["content"], m["status"], m["model"]) for m in messages] == [
        ("user", "Why strings?", "complete", None),
        ("assistant", says, "complete", "qwen3:4b"),
    ]
    assert (messages[1]["parent_id"], messages[1]["usage"]) == (messages[0]["id"], done["usage"])
    assert (conversation["title"], conversation["message_count"]) == ("Why strings?", 2)
    assert conversation["active_message_id"] == messages[1]["id"]
    assert [(f["id"], f["snippets"][0]["message_id"]) for f in found] == [(one, messages[1]["id"])]
    assert "\ue000zeppelin\ue001" in found[0]["snippets"][0]["text"]
    assert foreign == []


@pytest.mark.slow
async def test_branches_stand_beside_each_other_and_models_hear_their_own_alone(
    asked: Asked,
) -> None:
    one = await opened(asked.bob, system="Be brief.")
    ask = f"/conversations/{one}/messages"
    await answered(asked, ask, {"content": "First?"}, "One.")
    await answered(asked, ask, {"content": "Second?"}, "Two.")
    second = (await tree(asked.bob, one))[2]
    await answered(asked, f"/messages/{second['id']}/regenerate", {}, "Two again.")
    edited = {"content": "Instead?", "parent_id": second["parent_id"]}
    await answered(asked, ask, edited, "Three.")
    heard = asked.near.requests[-1].body["messages"]
    messages = await tree(asked.bob, one)
    first = messages[0]["id"]
    shown = (
        await asked.bob.patch(f"/conversations/{one}", json={"active_message_id": first})
    ).json()

    contents = {m["id"]: m["content"] for m in messages}
    assert [(m["content"], contents.get(m["parent_id"])) for m in messages] == [
        ("First?", None),
        ("One.", "First?"),
        ("Second?", "One."),
        ("Two.", "Second?"),
        ("Two again.", "Second?"),
        ("Instead?", "One."),
        ("Three.", "Instead?"),
    ]
    assert [(m["role"], m["content"]) for m in heard] == [
        ("system", "Be brief."),
        ("user", "First?"),
        ("assistant", "One."),
        ("user", "Instead?"),
    ]
    assert (shown["active_message_id"], shown["message_count"]) == (first, 7)


async def test_the_same_question_sent_twice_is_one_question_with_one_answer(asked: Asked) -> None:
    one, key = await opened(asked.bob), {"Idempotency-Key": random_id()}
    ask, body = f"/conversations/{one}/messages", {"content": "Once?", "id": random_id()}
    first, again = await asyncio.gather(
        *(asked.bob.post(ask, json=body, headers=key) for _ in range(2))
    )
    other = await asked.bob.post(ask, json={"content": "Other?"}, headers=key)
    await streamed(asked.bob, f"/runs/{first.json()['run']['id']}/events")
    late = await asked.bob.post(ask, json=body, headers=key)
    taken = await asked.bob.post(ask, json=body)

    assert [one.status_code for one in (first, again, late)] == [202, 202, 202]
    assert first.json()["message"] == again.json()["message"] == late.json()["message"]
    assert first.json()["message"]["id"] == body["id"]
    assert code(other) == (409, "idempotency-key-reused")
    assert code(taken) == (409, "id-taken")
    assert len(await tree(asked.bob, one)) == 2


async def test_an_answer_that_is_stopped_or_deleted_keeps_its_text(asked: Asked) -> None:
    one = await opened(asked.bob)
    ask = f"/conversations/{one}/messages"
    asked.near.misbehave(path="/api/chat", stall_after=3, times=1)
    begun = (await asked.bob.post(ask, json={"content": "Go on?"})).json()
    await asked.near.sent(3, path="/api/chat")
    meanwhile = await asked.bob.post(ask, json={"content": "And?"})
    removed = await asked.bob.delete(f"/conversations/{one}")
    asked.near.behave_well()
    run = (await asked.bob.get(f"/runs/{begun['run']['id']}")).json()
    await asked.bob.post(f"/conversations/{one}/restore")
    answer = (await tree(asked.bob, one))[1]

    assert code(meanwhile) == (409, "still-answering")
    assert meanwhile.json()["run_id"] == begun["run"]["id"]
    assert (removed.status_code, run["state"], answer["status"]) == (204, "cancelled", "stopped")
    assert answer["content"] != ""


@pytest.mark.slow
async def test_files_in_answers_become_versions_that_are_checked(asked: Asked) -> None:
    one = await opened(asked.bob)
    ask = f"/conversations/{one}/messages"
    first = await answered(asked, ask, {"content": "A script?"}, CODE)
    second = await answered(asked, ask, {"content": "Mend it?"}, CODE.replace("(", "(1)"))
    made = second["artefacts"][0]
    versions = await checked(asked, made["id"], 2)
    sets = (await asked.bob.get("/artefact-sets")).json()["items"]

    assert [(a["path"], a["version"]) for a in first["artefacts"]] == [("tools/flow.py", 1)]
    assert (made["id"], made["set_id"], made["version"]) == (first["artefacts"][0]["id"], one, 2)
    assert [(v["check_state"], v["made_by"], v["model"]) for v in versions] == [
        ("fine", "model", "qwen3:4b"),
        ("wrong", "model", "qwen3:4b"),
    ]
    assert versions[0]["message_id"] == second["message"]["id"]
    assert [(s["id"], s["conversation_id"], s["title"]) for s in sets] == [(one, one, "A script?")]


async def checked(asked: Asked, artefact: str, count: int) -> list[Json]:
    """The versions, once the job has looked at them."""
    async with asyncio.timeout(20):
        while True:
            answer = await asked.bob.get(f"/artefacts/{artefact}/versions")
            versions: list[Json] = answer.json()["items"]
            if len(versions) == count and all(v["check_state"] != "waiting" for v in versions):
                return versions
            await asyncio.sleep(0.02)


async def test_a_name_that_was_refused_is_told_with_the_file_that_got_another(
    asked: Asked,
) -> None:
    says = "```yaml ../../etc/evil.yaml\na: 1\n```\n\n```json fine.json\n{}\n```\n"
    made = (await answered(asked, "/ai/generate", {"prompt": "Some settings"}, says))["artefacts"]
    kept = (await asked.bob.get(f"/artefacts/{made[0]['id']}")).json()

    assert [(one["path"], one["latest"]["refused_path"]) for one in made] == [
        ("file-1.yaml", "../../etc/evil.yaml"),
        ("fine.json", None),
    ]
    assert kept["latest"]["refused_path"] == "../../etc/evil.yaml"


async def test_generated_code_is_files_and_asked_again_their_next_versions(asked: Asked) -> None:
    says = "```json\n{}\n```\n\n```python ../../etc/passwd\nx\n```\n"
    first = await answered(asked, "/ai/generate", {"prompt": "Some settings"}, says)
    set_id = first["artefacts"][0]["set_id"]
    again = {"prompt": "Better", "set_id": set_id}
    second = await answered(asked, "/ai/generate", again, says.replace("{}", "[]"))
    stolen = {**again, "prompt": "Mine"}
    asked.near.misbehave(path="/api/chat", text=says)
    foreign = await streamed(asked.ada, "/ai/generate", stolen)
    asked.near.behave_well()

    paths = ["file-1.json", "file-2.py"]
    assert [(a["path"], a["version"]) for a in first["artefacts"]] == [(p, 1) for p in paths]
    assert [(a["path"], a["version"]) for a in second["artefacts"]] == [
        (paths[0], 2),
        (paths[1], 1),
    ]
    assert {a["set_id"] for a in second["artefacts"]} == {set_id}
    assert foreign[-1].data["artefacts"] == []
    assert foreign[-1].data["artefacts_problem"]["type"].endswith("no-such-set")  # type: ignore[index] # JSON


@pytest.mark.slow
async def test_an_export_is_what_an_agent_takes_in(asked: Asked) -> None:
    one = await opened(asked.bob)
    await answered(asked, f"/conversations/{one}/messages", {"content": "Out?"}, "Out it goes.")
    exported = await asked.bob.get(f"/conversations/{one}/export")
    markdown = await asked.bob.get(f"/conversations/{one}/export", params={"format": "md"})
    file = Exported.model_validate(exported.json())

    assert [message.content for message in file.messages] == ["Out?", "Out it goes."]
    assert exported.headers["Content-Disposition"] == (
        f'attachment; filename="conversation-{one}.json"'
    )
    assert markdown.text == (
        "# Out?\n\n## You\n\nOut?\n\n## Assistant (qwen3:4b)\n\nOut it goes.\n"
    )


@pytest.mark.slow
async def test_what_cannot_be_asked_leaves_nothing_behind(asked: Asked) -> None:
    one, other = await opened(asked.bob), await opened(asked.bob)
    await answered(asked, f"/conversations/{other}/messages", {"content": "Here?"}, "Yes.")
    elsewhere = (await tree(asked.bob, other))[1]["id"]
    ask = f"/conversations/{one}/messages"
    sent: list[Json] = [
        {"content": " \n"},
        {"content": "a\0b"},
        {"content": "Hello", "parent_id": elsewhere},
        {"content": "Hello", "parent_id": "' OR 1=1"},
        {"content": "Hello", "model": "absent:1b"},
        {"content": "Hello", "role": "system"},
    ]
    answers = [await asked.bob.post(ask, json=body) for body in sent]
    answers.append(await asked.ada.post(f"/messages/{elsewhere}/regenerate", json={}))
    answers.append(await asked.bob.post("/messages/%00/regenerate", json={}))

    assert [code(one) for one in answers] == [
        (422, "empty-message"),
        (422, "invalid-fields"),
        (422, "no-such-parent"),
        (422, "no-such-parent"),
        (404, "model-not-found"),
        (422, "invalid-fields"),
        (404, "no-such-message"),
        (404, "no-such-message"),
    ]
    assert await tree(asked.bob, one) == []


@pytest.mark.slow
async def test_what_was_deleted_long_ago_is_gone_but_for_that_it_was(tmp_path: Path) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path / "data", clock=clock) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        ada = await served.signed_in("ada")
        made = (await ada.post("/conversations", json={"title": "Secret plan"})).json()["id"]
        await ada.delete(f"/conversations/{made}")
        clock.passes(days=8)
        later = await served.signed_in("ada")
        restored = await later.post(f"/conversations/{made}/restore")
        begun = (await later.post("/jobs", json={"name": "conversations.purge"})).json()
        async with asyncio.timeout(20):
            while (job := (await later.get(f"/jobs/{begun['id']}")).json())["state"] != "done":
                clock.passes(seconds=1)
                await asyncio.sleep(0.02)
        again = await later.post("/conversations", json={"id": made, "title": "New"})

    assert (code(restored), job["result"]) == ((404, "no-such-conversation"), {"purged": 1})
    assert code(again) == (410, "conversation-deleted")
