"""Settings of a running agent: seen, changed, and why some cannot be."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.configuration.rules import GROUPS, NOT_OFFERED, OTHER, group_of
from agent.settings import Settings
from tests.serving import Served, running_agent


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setenv("ORCA_AGENT_MANAGED_FILE", "")
    monkeypatch.setenv("ORCA_AGENT_ANSWER_TOKENS", "512")
    monkeypatch.setenv("DEFAULT_MODEL", "qwen3:4b")
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    (data_dir / "agent.toml").write_text("# By hand.\nstall_seconds = 60  # the old machine\n")
    async with running_agent(data_dir) as served:
        yield served


async def settings(client: httpx.AsyncClient) -> dict[str, Any]:  # Any: JSON
    answer = await client.get("/api/v1/settings")
    return {one["name"]: one for one in answer.json()["items"]}


async def changed(client: httpx.AsyncClient, **values: object) -> httpx.Response:
    return await client.patch("/api/v1/settings", json=values)


def test_every_setting_has_its_place_on_the_page() -> None:
    without = {name for name in Settings.model_fields if group_of(name) == OTHER}
    unknown = {name for names in GROUPS.values() for name in names} - set(Settings.model_fields)

    assert without == NOT_OFFERED
    assert unknown == set()


async def test_each_is_told_with_its_kind_limits_and_where_it_comes_from(served: Served) -> None:
    answer = (await served.client.get("/api/v1/settings")).json()
    by_name = {one["name"]: one for one in answer["items"]}

    told = ("group", "kind", "unit", "minimum", "maximum", "value", "source", "source_name")
    assert {name: [by_name[name][one] for one in told] for name in TOLD} == TOLD
    assert by_name["image_format"]["choices"] == ["jpeg", "png", "webp"]
    assert by_name["log_level"]["choices"] == ["debug", "info", "warning", "error"]
    assert [one["name"] for one in answer["items"] if one["is_fixed"]] == [
        *("ollama_url", "default_model", "manage_ollama", "answer_tokens", "port")
    ]
    assert [answer[name] for name in ("restart_needed", "problem", "managed")] == [
        *(False, None, None)
    ]
    assert answer["secrets_in"] == "file secrets.json, readable by you alone"
    assert "data_dir" not in by_name


TOLD = {
    "stall_seconds": ["answers", "number", "s", 0, 86_400, 60, "file", "agent.toml"],
    "answer_tokens": [
        *("answers", "integer", "tokens", 16, 1_000_000, 512),
        *("environment", "ORCA_AGENT_ANSWER_TOKENS"),
    ],
    "default_model": ["models", "text", "", None, None, "qwen3:4b", "environment", "DEFAULT_MODEL"],
    "guide": ["answers", "flag", "", None, None, True, "default", None],
    "image_cache_mb": ["images", "integer", "MB", 0, 100_000, 1024, "default", None],
    "image_format": ["images", "choice", "", None, None, "jpeg", "default", None],
    "ollama_binary": ["models", "path", "", None, None, None, "default", None],
    "manage_ollama": ["models", "choice", "", None, None, "never", "option", "--manage-ollama"],
}


async def test_what_is_changed_stands_in_the_file_and_counts_after_the_next_start(
    served: Served,
) -> None:
    answer = await changed(served.client, guide=False, image_cache_mb=64, stall_seconds=90.5)
    by_name = {one["name"]: one for one in answer.json()["items"]}
    file = served.settings.data_dir / "agent.toml"

    assert answer.status_code == 200
    assert answer.json()["restart_needed"] is True
    assert file.read_text() == (
        "# By hand.\nstall_seconds = 90.5  # the old machine\nguide = false\nimage_cache_mb = 64\n"
    )
    told = ("value", "source", "is_pending", "pending")
    assert {
        name: [one[key] for key in told] for name, one in by_name.items() if one["pending"]
    } == {
        "stall_seconds": [60, "file", True, 90.5],
        "image_cache_mb": [1024, "default", True, 64],
    }
    assert [by_name["guide"][key] for key in told] == [True, "default", True, False]
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_null_brings_the_default_back_and_leaves_the_comment(served: Served) -> None:
    answer = await changed(served.client, stall_seconds=None)
    one = (await settings(served.client))["stall_seconds"]

    assert answer.status_code == 200
    assert (one["value"], one["is_pending"], one["pending"]) == (60, True, 180)
    assert (served.settings.data_dir / "agent.toml").read_text() == "# By hand.\n"


async def test_one_bad_value_and_nothing_is_written(served: Served) -> None:
    before = (served.settings.data_dir / "agent.toml").read_bytes()

    answers = [await changed(served.client, telemetry_days=7, **values) for values, _ in BAD]

    told = [(one.status_code, one.json()["type"]) for one in answers]
    assert told == [(422, "urn:orca:problem:invalid-settings")] * len(BAD)
    errors = [{e["field"]: e["detail"] for e in one.json()["errors"]} for one in answers]
    assert errors == [errors for _, errors in BAD]
    assert (served.settings.data_dir / "agent.toml").read_bytes() == before


BAD: list[tuple[dict[str, object], dict[str, str]]] = [
    ({"colour": 1}, {"colour": "There is no such setting."}),
    ({"data_dir": "/x"}, {"data_dir": "There is no such setting."}),
    ({"guide": "yes"}, {"guide": "It must be true or false."}),
    (
        {"image_cache_mb": True},
        {"image_cache_mb": "It must be a whole number from 0 to 100000."},
    ),
    (
        {"image_cache_mb": 1.5},
        {"image_cache_mb": "It must be a whole number from 0 to 100000."},
    ),
    ({"image_cache_mb": -1}, {"image_cache_mb": "It must be a whole number from 0 to 100000."}),
    ({"stall_seconds": 0}, {"stall_seconds": "It must be a number over 0, up to 86400."}),
    ({"image_format": "bmp"}, {"image_format": "It must be jpeg, png or webp."}),
    (
        {"keep_alive": "5m\n[x]"},
        {"keep_alive": "It must be a time such as 5m or 1h, or -1 for ever."},
    ),
    (
        {"text_model": "x" * 201, "guide": 1},
        {"guide": "It must be true or false."},
    ),
    (
        {"text_model": "x" * 201, "image_max_edge": 1},
        {
            "text_model": "It must be the name of a model, of at most 200 characters.",
            "image_max_edge": "It must be a whole number from 64 to 8192.",
        },
    ),
]


@pytest.mark.parametrize(
    ("name", "value", "by"),
    [
        ("answer_tokens", 1024, "ORCA_AGENT_ANSWER_TOKENS in the environment of the agent"),
        ("default_model", "x", "DEFAULT_MODEL in the environment of the agent"),
        ("manage_ollama", "auto", "The option --manage-ollama"),
    ],
)
async def test_what_is_fixed_says_by_what(
    served: Served, name: str, value: object, by: str
) -> None:
    answer = await changed(served.client, **{name: value})

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:orca:problem:setting-fixed")
    assert answer.json()["detail"].startswith(f"{name} cannot be changed here. {by}")


async def test_a_file_that_somebody_broke_is_not_touched(served: Served) -> None:
    file = served.settings.data_dir / "agent.toml"
    file.write_text("port == 1")

    told = (await served.client.get("/api/v1/settings")).json()["problem"]
    answer = await changed(served.client, guide=False)

    assert "agent.toml is not TOML: see line 1, column" in told
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:orca:problem:settings-file")
    assert file.read_text() == "port == 1"


async def test_changes_at_the_same_time_are_all_kept(served: Served) -> None:
    values = {"image_max_edge": 640, "telemetry_days": 7, "slicing_mb": 100, "waiting_chats": 3}

    await asyncio.gather(*(changed(served.client, **{name: values[name]}) for name in values))

    told = await settings(served.client)
    assert {name: told[name]["pending"] for name in values} == values


@pytest.mark.skipif(os.name == "nt", reason="links want more rights there")
async def test_a_file_that_is_a_link_stays_one(served: Served, tmp_path: Path) -> None:
    file, kept = served.settings.data_dir / "agent.toml", tmp_path / "kept.toml"
    file.rename(kept)
    file.symlink_to(kept)

    answer = await changed(served.client, guide=False)

    assert (answer.status_code, file.is_symlink()) == (200, True)
    assert kept.read_text().endswith("guide = false\n")


async def test_a_file_that_cannot_be_written_is_left_as_it_was(served: Served) -> None:
    file = served.settings.data_dir / "agent.toml"
    before = file.read_bytes()
    in_the_way = file.with_name(f".agent.toml.{os.getpid()}")
    in_the_way.mkdir()

    answer = await changed(served.client, guide=False)

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:orca:problem:settings-file")
    assert "agent.toml in the data folder cannot be written" in answer.json()["detail"]
    assert file.read_bytes() == before


async def test_settings_need_the_scope_admin(served: Served) -> None:
    made = await served.client.post("/api/v1/tokens", json={"name": "x", "scopes": ["models"]})
    headers = {"Authorization": f"Bearer {made.json()['token']}"}

    answers = [
        await served.stranger.request(method, path, headers=headers, json=body)
        for method, path, body in (
            ("GET", "/api/v1/settings", None),
            ("PATCH", "/api/v1/settings", {"guide": False}),
            ("POST", "/api/v1/restart", {}),
            ("POST", "/api/v1/stop", {}),
        )
    ]

    assert [one.json()["type"] for one in answers] == ["urn:orca:problem:scope-missing"] * 4
