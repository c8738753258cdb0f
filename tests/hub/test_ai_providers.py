"""Model servers: where they are set, their keys, the test button, routes and policy."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hub.ai.specs import fixed_specs
from hub.settings import BadSettings, load
from tests.fakes.ollama import FakeOllama
from tests.hub.asking import Asked, Json, asked_hub, cloud_at, code

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY = "sk-very-secret"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    folder: Path = tmp_path_factory.mktemp("providers")
    async with asked_hub(folder / "data", {}) as one:
        yield one


async def provider(asked: Asked, name: str) -> Json:
    listed = (await asked.ada.get("/providers")).json()["items"]
    found: Json = next(one for one in listed if one["name"] == name)
    return found


async def test_a_key_goes_in_and_never_comes_out(asked: Asked) -> None:
    cloud = await provider(asked, "cloud")
    pages = [
        await asked.ada.get("/providers"),
        await asked.ada.get(f"/providers/{cloud['id']}"),
        await asked.ada.post(f"/providers/{cloud['id']}/test"),
        await asked.ada.patch(f"/providers/{cloud['id']}", json={"priority": 201}),
        await asked.ada.get("/audit"),
        await asked.bob.get("/ai/models"),
    ]
    used = asked.far.requests[-1].headers["authorization"]
    kept = asked.hub.settings.sqlite_file.read_bytes()

    assert [page.status_code for page in pages] == [200] * 6
    assert not any(KEY in page.text for page in pages)
    assert (cloud["has_key"], used, KEY.encode() in kept) == (True, f"Bearer {KEY}", False)


async def test_a_key_does_not_follow_to_another_server(asked: Asked) -> None:
    async with FakeOllama() as thief:
        added = (
            await asked.ada.post("/providers", json={**cloud_at(asked.far), "name": "moving"})
        ).json()
        moved = await asked.ada.patch(f"/providers/{added['id']}", json={"url": f"{thief.url}/v1"})
        await asked.ada.post(f"/providers/{added['id']}/test")
        sent = [one.headers.get("authorization") for one in thief.requests]
        await asked.ada.delete(f"/providers/{added['id']}")

    assert (added["has_key"], moved.json()["has_key"]) == (True, False)
    assert sent
    assert set(sent) == {None}


async def test_a_server_that_moves_to_a_cloud_is_one(asked: Asked) -> None:
    """Or text would leave by what was said of another server."""
    near = {"name": "mover", "kind": "openai", "url": "http://10.0.0.7:8000/v1", "is_on": False}
    added = (await asked.ada.post("/providers", json=near)).json()
    address = f"/providers/{added['id']}"
    away = (await asked.ada.patch(address, json={"url": "https://api.example.com/v1"})).json()
    back = (await asked.ada.patch(address, json={"url": near["url"]})).json()
    known = (await asked.ada.patch(address, json={"is_cloud": False})).json()
    renamed = (await asked.ada.patch(address, json={"name": "mover-2"})).json()
    await asked.ada.delete(address)

    assert [one["is_cloud"] for one in (added, away, back, known, renamed)] == [
        False,
        True,
        True,
        False,
        False,
    ]


async def test_the_test_button_tells_what_is_there_and_what_is_wrong(asked: Asked) -> None:
    near = await asked.ada.post(f"/providers/{(await provider(asked, 'ollama'))['id']}/test")
    dead = {"name": "dead", "kind": "ollama", "url": "http://127.0.0.1:9"}
    added = await asked.ada.post("/providers", json=dead)
    down = await asked.ada.post(f"/providers/{added.json()['id']}/test")
    await asked.ada.delete(f"/providers/{added.json()['id']}")

    told = near.json()
    assert (told["is_up"], sorted(told["models"])) == (True, ["qwen3-coder:30b", "qwen3:4b"])
    assert told["latency_ms"] > 0
    assert (added.status_code, added.json()["state"]) == (201, "down")
    assert (down.json()["is_up"], down.json()["models"]) == (False, [])
    assert "http://127.0.0.1:9" in down.json()["detail"]


async def test_a_server_can_be_switched_off_narrowed_and_removed(asked: Asked) -> None:
    cloud = await provider(asked, "cloud")
    path = f"/providers/{cloud['id']}"
    narrowed = await asked.ada.patch(path, json={"models": ["big*"]})
    only = (await asked.bob.get("/ai/models")).json()["items"]
    off = await asked.ada.patch(path, json={"is_on": False})
    without = (await asked.bob.get("/ai/models")).json()["items"]
    await asked.ada.patch(path, json={"is_on": True, "models": []})

    assert narrowed.json()["models"] == ["big*"]
    assert [one["name"] for one in only if one["provider"] == "cloud"] == ["big:70b"]
    assert (off.json()["state"], {one["provider"] for one in without}) == ("off", {"ollama"})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"url": "http://169.254.169.254/latest"}, (422, "invalid-fields")),
        ({"url": "file:///etc/passwd"}, (422, "invalid-fields")),
        ({"url": "http://user:secret@host"}, (422, "invalid-fields")),
        ({"name": "Two Words"}, (422, "invalid-fields")),
        ({"key": "with\r\nheader: x"}, (422, "invalid-fields")),
        ({"kind": "other"}, (422, "invalid-fields")),
        ({"source": "environment"}, (422, "invalid-fields")),
        ({"name": "cloud"}, (409, "provider-exists")),
        ({"name": "ollama"}, (409, "provider-exists")),
    ],
)
async def test_what_cannot_be_a_server_is_refused(
    asked: Asked, change: Json, expected: tuple[int, str]
) -> None:
    answer = await asked.ada.post(
        "/providers", json={**cloud_at(asked.far), "name": "new", **change}
    )

    assert code(answer) == expected
    assert "secret@" not in answer.text


async def test_a_changed_address_is_as_good_as_a_new_one_and_says_where_the_server_is(
    asked: Asked,
) -> None:
    added = (
        await asked.ada.post("/providers", json={**cloud_at(asked.far), "name": "changing"})
    ).json()
    path = f"/providers/{added['id']}"
    odd = await asked.ada.patch(path, json={"url": "file:///etc/passwd"})
    places = [
        (one["is_cloud"], one["follows_address"])
        for one in [
            (await asked.ada.patch(path, json=change)).json()
            for change in ({"is_cloud": True}, {"is_cloud": False}, {"is_cloud": None})
        ]
    ]
    await asked.ada.delete(path)

    assert code(odd) == (422, "invalid-fields")
    assert [one["field"] for one in odd.json()["errors"]] == ["url"]
    assert places == [(True, False), (False, True), (False, True)]


async def test_those_of_the_environment_are_changed_there(asked: Asked) -> None:
    near = await provider(asked, "ollama")

    changed = await asked.ada.patch(f"/providers/{near['id']}", json={"priority": 1})
    removed = await asked.ada.delete(f"/providers/{near['id']}")
    unknown = await asked.ada.delete("/providers/nothing")

    assert near["source"] == "environment"
    assert [code(one) for one in (changed, removed, unknown)] == [
        (409, "set-elsewhere"),
        (409, "set-elsewhere"),
        (404, "no-such-provider"),
    ]


async def test_only_administrators_set_servers_routes_and_policy(asked: Asked) -> None:
    calls = [
        await asked.bob.get("/providers"),
        await asked.bob.post("/providers", json=cloud_at(asked.far)),
        await asked.bob.get("/routes"),
        await asked.bob.put("/policy", json={"rules": []}),
        await asked.bob.get("/policy"),
    ]

    assert [code(one) for one in calls] == [(403, "administrators-only")] * 5


async def test_changes_are_written_down(asked: Asked) -> None:
    rule = {"subject_kind": "group", "subject": "nobody", "cloud": False}
    await asked.ada.put("/policy", json={"rules": [rule]})
    twice = await asked.ada.put("/policy", json={"rules": [rule, rule]})
    now = (await asked.ada.get("/policy")).json()["rules"]
    await asked.ada.put("/policy", json={"rules": []})
    actions = [one["action"] for one in (await asked.ada.get("/audit")).json()["items"]]

    assert code(twice) == (422, "rule-twice")
    assert now == [{**rule, "models": ["*"], "providers": ["*"]}]
    assert actions[:2] == ["policy.change", "policy.change"]
    assert {"provider.add", "provider.change", "provider.remove"} <= set(actions)


async def test_servers_are_read_from_the_environment_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "providers.toml"
    file.write_text('[[providers]]\nname = "lab"\nkind = "ollama"\nurl = "http://lab:11434"\n')
    environment = {
        "ORCA_HUB_OLLAMA_URLS": "http://gpu-1:11434, gpu-2",
        "ORCA_HUB_OPENAI_KEY": KEY,
        "ORCA_HUB_PROVIDERS_FILE": str(file),
    }

    specs = fixed_specs(load(environment, data_dir=tmp_path))

    assert [(one.name, one.url, one.is_cloud, one.source) for one in specs] == [
        ("ollama", "http://gpu-1:11434", False, "environment"),
        ("ollama-2", "http://gpu-2:11434", False, "environment"),
        ("openai", "https://api.openai.com:443/v1", True, "environment"),
        ("lab", "http://lab:11434", False, "file"),
    ]
    assert KEY not in repr(specs)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("providers = 3", "providers"),
        ("nonsense", "neither TOML nor JSON"),
        (json.dumps({"providers": [{"name": "x"}]}), "neither TOML nor JSON"),
    ],
)
async def test_a_file_that_cannot_be_used_stops_the_start(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "providers.toml"
    file.write_text(text)
    settings = load({"ORCA_HUB_PROVIDERS_FILE": str(file)}, data_dir=tmp_path)

    with pytest.raises(BadSettings, match=says):
        fixed_specs(settings)
