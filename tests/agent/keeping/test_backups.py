"""Backups through the door: made while the agent works, fetched, sent, restored, thrown away."""

import asyncio
import json
import sqlite3
import zipfile
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agent.program import events_of
from tests.agent.talking import problem
from tests.agent.test_images import noise
from tests.serving import Served, running_agent

API = "/api/v1"
Json = dict[str, Any]  # Any: JSON values


async def ended(client: httpx.AsyncClient, run_id: str) -> tuple[str, Json]:
    """Name and data of the last event of a run."""
    return events_of((await client.get(f"{API}/runs/{run_id}/events")).text)[-1]


async def made(client: httpx.AsyncClient, **asked: bool) -> str:
    """A backup that was asked for: its name."""
    run = (await client.post(f"{API}/backup", json=asked)).json()
    name, data = await ended(client, run["id"])
    assert (run["kind"], name) == ("backup", "done")
    return str(data["result"]["name"])


async def titles(client: httpx.AsyncClient) -> list[str]:
    items = (await client.get(f"{API}/conversations")).json()["items"]
    return sorted(item["title"] for item in items)


async def opened(client: httpx.AsyncClient, title: str) -> str:
    answer = await client.post(f"{API}/conversations", json={"title": title})
    return str(answer.json()["id"])


@pytest.fixture
async def served(tmp_path: Path) -> Any:  # Any: a fixture
    async with running_agent(tmp_path / "data") as served:
        yield served


async def test_a_backup_holds_what_it_says_and_nobody_can_log_in_with_it(served: Served) -> None:
    await opened(served.client, "kept")
    picture = (await served.client.post(f"{API}/images", content=noise("PNG"))).json()["sha256"]
    asked = {"name": "canary", "scopes": ["chat"]}
    token = (await served.client.post(f"{API}/tokens", json=asked)).json()["token"]
    (served.settings.data_dir / "agent.toml").write_text("answer_tokens = 1024\n")

    name = await made(served.client)
    answer = await served.client.get(f"{API}/backups/{name}")
    listed = (await served.client.get(f"{API}/backups")).json()

    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        names = sorted(archive.namelist())
        everything = b"".join(archive.read(one) for one in names)
        (served.settings.data_dir / "copy.db").write_bytes(archive.read("agent.db"))
    with closing(sqlite3.connect(served.settings.data_dir / "copy.db")) as copy:
        credentials = copy.execute("SELECT (SELECT count(*) FROM token)").fetchone()
    assert names == sorted(
        ["agent.db", "agent.toml", f"images/{picture[:2]}/{picture}", "manifest.json"]
    )
    assert credentials == (0,)
    assert not [
        secret for secret in (token, served.token, "canary") if secret.encode() in everything
    ]
    assert answer.headers["Content-Type"] == "application/zip"
    assert name in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    (item,) = listed["items"]
    assert item == {
        "name": name,
        "size_bytes": len(answer.content),
        "created_at": item["created_at"],
        "version": item["version"],
        "holds": ["database", "settings", "images"],
        "is_automatic": False,
        "reason": "asked",
        "problem": None,
    }


async def test_a_restore_brings_all_back_and_keeps_what_was_there(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as served:
        await opened(served.client, "from before")
        picture = (await served.client.post(f"{API}/images", content=noise("PNG"))).json()["sha256"]
        name = await made(served.client)
        await opened(served.client, "from after")
        token = (
            await served.client.post(f"{API}/tokens", json={"name": "later", "scopes": ["chat"]})
        ).json()["token"]
        (served.settings.image_dir / picture[:2] / picture).unlink()
        run = (await served.client.post(f"{API}/backups/{name}/restore", json={})).json()
        last = await ended(served.client, run["id"])
        still = await titles(served.client)

    async with running_agent(tmp_path / "data") as served:
        bearer = {"Authorization": f"Bearer {token}"}
        with_old_token = await served.stranger.get(f"{API}/conversations", headers=bearer)
        after = await titles(served.client)
        image = await served.client.get(f"{API}/images/{picture}")
        page = (await served.client.get(f"{API}/backups")).json()
        kept = page["last_restore"]["kept_as"]
        undo = (await served.client.post(f"{API}/backups/{kept}/restore")).json()
        await ended(served.client, undo["id"])

    async with running_agent(tmp_path / "data") as served:
        undone = await titles(served.client)

    assert last == ("done", {"result": {"name": name, "restarts": True}})
    assert still == ["from after", "from before"]  # nothing changes before the restart
    assert after == ["from before"]
    assert undone == ["from after", "from before"]
    assert (with_old_token.status_code, image.status_code) == (200, 200)
    assert page["last_restore"] == {
        "name": name,
        "at": page["last_restore"]["at"],
        "kept_as": kept,
        "problem": None,
        "note": None,
    }


async def test_a_backup_from_elsewhere_is_checked_before_it_is_kept(served: Served) -> None:
    client = served.client
    await opened(client, "kept")
    name = await made(client)
    whole = (await client.get(f"{API}/backups/{name}")).content

    sent = await client.post(f"{API}/backups", content=whole)
    cut = await client.post(f"{API}/backups", content=whole[:-200])
    empty = await client.post(f"{API}/backups")
    form = await client.post(f"{API}/backups", files={"file": ("b.zip", whole)})
    await client.delete(f"{API}/backups/{form.json()['name']}")
    removed = await client.delete(f"{API}/backups/{name}")
    names = [one["name"] for one in (await client.get(f"{API}/backups")).json()["items"]]

    assert (sent.status_code, sent.headers["Location"]) == (
        201,
        f"{API}/backups/{sent.json()['name']}",
    )
    assert problem(cut) == (422, "bad-backup")
    assert problem(empty) == (422, "no-file")
    assert (removed.status_code, form.status_code) == (204, 201)
    assert names == [sent.json()["name"]]
    assert not list((served.settings.data_dir / "backups").glob(".*"))


@pytest.mark.slow
async def test_names_that_are_none_lead_nowhere(served: Served) -> None:
    names = ("..%2fagent.db", "agent.db", "orca-agents-20260131-090500.zip", ".making.zip", "%00")
    answers = [
        (await served.client.request(method, f"{API}/backups/{name}{end}")).status_code
        for name in names
        for method, end in (("GET", ""), ("DELETE", ""), ("POST", "/restore"))
    ]

    assert set(answers) == {404}
    assert (served.settings.database_file).exists()


@pytest.mark.slow
async def test_a_backup_goes_on_while_everybody_writes(served: Served) -> None:
    client = served.client
    run = (await client.post(f"{API}/backup", json={})).json()
    busy = await client.post(f"{API}/backup", json={})
    await asyncio.gather(*(opened(client, f"T{number}") for number in range(30)))
    name, data = await ended(client, run["id"])

    await asyncio.gather(made(client), *(opened(client, f"U{number}") for number in range(30)))
    found = (await client.get(f"{API}/backups")).json()["items"]
    with zipfile.ZipFile(served.settings.data_dir / "backups" / found[0]["name"]) as archive:
        (served.settings.data_dir / "copy.db").write_bytes(archive.read("agent.db"))
    with closing(sqlite3.connect(served.settings.data_dir / "copy.db")) as copy:
        verdict = copy.execute("PRAGMA integrity_check").fetchone()
    assert busy.status_code in {202, 409}
    assert name in {"done"}
    assert data["result"]["size_bytes"] > 1000
    assert verdict == ("ok",)
    assert len(await titles(client)) == 50  # a page of the list


@pytest.mark.slow
async def test_a_restore_that_is_called_off_leaves_nothing_to_the_next_start(
    served: Served,
) -> None:
    client, folder = served.client, served.settings.data_dir
    await opened(client, "kept")
    name = await made(client)
    states = set()
    for _ in range(3):
        run = (await client.post(f"{API}/backups/{name}/restore")).json()
        cancelled = (await client.post(f"{API}/runs/{run['id']}/cancel")).json()
        states.add((cancelled["state"], (folder / "restore-ready").exists()))

    assert states <= {("cancelled", False), ("done", True)}
    assert ("cancelled", False) in states
    assert not (folder / "restore-part").exists()


@pytest.mark.slow
async def test_a_download_goes_on_where_it_broke_off(served: Served) -> None:
    name = await made(served.client)
    path = f"{API}/backups/{name}"
    whole = (await served.client.get(path)).content

    rest = await served.client.get(path, headers={"Range": "bytes=1000-"})

    assert (rest.status_code, rest.content) == (206, whole[1000:])


def rotten(folder: Path) -> list[str]:
    """Backups that break the reader of zip files itself, each in another way."""
    names = [f"orca-agents-20300101-00000{number}.zip" for number in range(4)]
    deep = b"[" * 200_000
    for name in names:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("manifest.json", deep if name == names[0] else b"{}" * 100)
    for name, at, byte in ((names[1], 43, 0xFF), (names[2], 4, 99), (names[3], 0, 0)):
        data = bytearray((folder / name).read_bytes())
        data[at] = byte  # of what is packed, of the version that is needed, of the head
        central = data.index(b"PK\x01\x02")
        data[central + 6] = byte if name == names[2] else data[central + 6]
        (folder / name).write_bytes(data)
    return names


async def test_rotten_ones_stand_in_the_list_and_in_nobodys_way(served: Served) -> None:
    client, folder = served.client, served.settings.data_dir / "backups"
    await opened(client, "kept")
    folder.mkdir()
    names = rotten(folder)
    listed = (await client.get(f"{API}/backups")).json()["items"]
    automatic = await served.agent.keep_backups()
    name = await made(client)
    removed = [(await client.delete(f"{API}/backups/{one}")).status_code for one in names]
    left = {one["name"] for one in (await client.get(f"{API}/backups")).json()["items"]}

    assert [one["name"] for one in listed if one["problem"]] == sorted(names, reverse=True)
    assert removed == [204] * len(names)
    assert left == {automatic, name}


async def test_one_that_unpacked_has_no_room_here_is_refused_before_it_is_read(
    served: Served,
) -> None:
    name, vast = await made(served.client), 1 << 50
    file = served.settings.data_dir / "backups" / name
    sent = BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(sent, "w") as new:
        about = json.loads(old.read("manifest.json"))
        about["members"]["agent.db"]["size_bytes"] = vast
        new.writestr("agent.db", b"small")
        new.writestr("manifest.json", json.dumps(about))
        new.getinfo("agent.db").file_size = vast  # as the list at its end says

    answer = await served.client.post(f"{API}/backups", content=sent.getvalue())

    assert problem(answer) == (507, "disk-full")
    assert answer.json()["needed_bytes"] >= vast


async def test_settings_that_have_no_place_in_a_backup_are_not_left_out_silently(
    served: Served,
) -> None:
    settings = served.settings.data_dir / "agent.toml"
    settings.write_text("# long\n" * 200_000)

    run = (await served.client.post(f"{API}/backup", json={})).json()
    name, data = await ended(served.client, run["id"])

    assert (name, data["problem"]["type"]) == ("error", "urn:orca:problem:settings-too-large")
    assert not list((served.settings.data_dir / "backups").iterdir())
