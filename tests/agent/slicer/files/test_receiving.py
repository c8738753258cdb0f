"""Sliced files that come in: kept, read, listed, thrown away."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.agent.slicer.sending import CUBE, FILES, curl_form, sent
from tests.serving import Served, running_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")


def on_disk(served: Served) -> set[str]:
    folder: Path = served.settings.slicer_dir
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


async def test_a_file_is_kept_and_says_what_it_is(served: Served) -> None:
    told = await sent(served.client)

    path = served.settings.slicer_dir / f"{told['id']}.gcode"
    assert path.read_bytes() == CUBE
    assert {key: told[key] for key in ("name", "kind", "size_bytes", "sha256", "layers")} == {
        "name": "cube.gcode",
        "kind": "gcode",
        "size_bytes": len(CUBE),
        "sha256": hashlib.sha256(CUBE).hexdigest(),
        "layers": 2,
    }
    assert (told["generator"], told["printer"]) == ("OrcaSlicer 2.3.1", "My printer")
    assert (told["estimated_seconds"], told["filament_grams"]) == (3723, [3.68])
    assert told["settings"]["layer_height"] == "0.2"
    assert (told["source"], told["is_whole"], told["has_analysis"]) == ("upload", True, False)
    assert (await served.client.get(f"{FILES}/{told['id']}")).json() == told


async def test_the_body_itself_may_be_the_file(served: Served) -> None:
    about = {"name": "raw.gcode"}
    answer = await served.client.post(FILES, params=about, content=CUBE)
    nameless = await served.client.post(FILES, content=CUBE)

    assert (answer.status_code, answer.json()["name"]) == (201, "raw.gcode")
    assert nameless.json()["name"] == "unnamed.gcode"


async def test_a_list_is_newest_first_and_goes_on_where_it_ended(served: Served) -> None:
    ids = [(await sent(served.client, name=f"{n}.gcode"))["id"] for n in range(3)]

    first = (await served.client.get(FILES, params={"limit": 2})).json()
    cursor = {"limit": 1, "cursor": first["next_cursor"]}
    second = (await served.client.get(FILES, params=cursor)).json()

    found = [one["id"] for one in (*first["items"], *second["items"])]
    assert found == ids[::-1]
    assert all("settings" not in one for one in first["items"])


async def test_a_file_that_is_thrown_away_is_gone_from_the_disk(served: Served) -> None:
    told = await sent(served.client)

    deleted = await served.client.delete(f"{FILES}/{told['id']}")
    again = await served.client.delete(f"{FILES}/{told['id']}")

    assert (deleted.status_code, again.status_code) == (204, 404)
    assert again.json()["type"] == "urn:orca:problem:no-such-file"
    assert f"{told['id']}.gcode" not in on_disk(served)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.gcode", "passwd.gcode"),
        ("..\\..\\boot.gcode", "boot.gcode"),
        ("a\x00b\x1b[31m.gcode", "ab[31m.gcode"),
        ("  ..  ", "unnamed.gcode"),
        ("Würfel ⬡.gcode", "Würfel ⬡.gcode"),
    ],
)
async def test_a_name_leads_nowhere(served: Served, name: str, shown: str) -> None:
    form = curl_form(("file", (name, CUBE)))
    told = (await served.client.post(FILES, **form)).json()

    assert told["name"] == shown
    assert (served.settings.slicer_dir / f"{told['id']}.gcode").is_file()


async def test_what_is_no_sliced_file_is_refused_by_its_name_and_leaves_nothing(
    served: Served,
) -> None:
    before = on_disk(served)
    bad = [b"", b"\x7fELF" + bytes(500), b"just a letter to my aunt\n" * 50, b"GCDE\x01\x00"]
    answers = [await served.client.post(FILES, files={"file": ("x.gcode", one)}) for one in bad]
    misnamed = await served.client.post(FILES, files={"file": ("lamp.3mf", b"a letter")})

    assert [answer.status_code for answer in answers] == [422] * 4
    assert misnamed.json()["detail"].startswith("lamp.3mf is no 3MF: it is not a zip archive.")
    assert all(answer.json()["detail"].startswith("x.gcode is ") for answer in answers)
    assert on_disk(served) == before


async def test_a_damaged_form_is_refused_and_leaves_nothing(served: Served) -> None:
    before = on_disk(served)
    whole = curl_form(("file", ("cube.gcode", CUBE)))
    cut = {**whole, "content": whole["content"][:-60]}
    two = curl_form(("file", ("a.gcode", CUBE)), ("file", ("b.gcode", CUBE)))
    none = curl_form(("print", "true"))
    long = curl_form(("print", "x" * 10_000), ("file", ("a.gcode", CUBE)))

    sent_forms: list[Any] = [cut, two, none, long]  # Any: keywords of httpx
    answers = [await served.client.post(FILES, **form) for form in sent_forms]

    codes = [(a.status_code, a.json()["type"].rpartition(":")[2]) for a in answers]
    assert codes == [(400, "bad-form"), (422, "one-file-only"), (422, "no-file"), (400, "bad-form")]
    assert on_disk(served) == before


@pytest.mark.timeout(20)
async def test_the_history_has_bounds_and_the_newest_always_fits(tmp_path: Path) -> None:
    async with running_agent(tmp_path, slicer_keep_files=2, slicer_file_mb=1) as served:
        ids = [(await sent(served.client, name=f"{n}.gcode"))["id"] for n in range(4)]
        listed = (await served.client.get(FILES)).json()["items"]
        on_the_disk = on_disk(served)
        large = CUBE + b"G1 X1\n" * 200_000
        refused = await served.client.post(FILES, files={"file": ("large.gcode", large)})
        chunked = await served.client.post(FILES, content=_pieces(large))

    assert [one["id"] for one in listed] == ids[:1:-1]
    assert on_the_disk == {f"{one}.gcode" for one in ids[2:]}
    assert [refused.status_code, chunked.status_code] == [413, 413]
    assert "slicer_file_mb" in refused.json()["detail"]


async def _pieces(data: bytes) -> Any:  # Any: an asynchronous generator
    for start in range(0, len(data), 65536):
        yield data[start : start + 65536]


async def test_what_was_cut_off_is_counted_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "agent" / "slicer"
    folder.mkdir(parents=True)
    (folder / "one.part").write_bytes(b"G28")
    async with running_agent(tmp_path / "agent") as served:
        left = on_disk(served)

    assert left == set()
    assert "1 upload was cut off when the agent last ended" in caplog.text
