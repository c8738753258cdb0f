"""What is told of a file: its picture, its report, what its moves say; and exports that a script
tells of."""

import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.agent.slicer.sending import CUBE, FILES, sent
from tests.serving import Served
from tests.slicing import gcode, threemf
from tests.sse import follow

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOTICES = "/api/v1/slicer/notices"


async def analysed(client: httpx.AsyncClient, file_id: str) -> list[tuple[str, Any]]:  # Any: JSON
    """The events of a new analysis: names and data."""
    started = await client.post(f"{FILES}/{file_id}/analysis")
    assert started.status_code == 202
    return [(one.name, one.data) for one in await follow(client, started.json()["id"])]


async def test_a_picture_is_the_smallest_that_is_large_enough(served: Served) -> None:
    told = await sent(served.client, gcode.orca().encode())
    sizes = []
    for edge in (32, 48, 200, 1000):
        answer = await served.client.get(f"{FILES}/{told['id']}/thumbnail?max_edge={edge}")
        assert answer.headers["content-type"] == "image/png"
        sizes.append(Image.open(io.BytesIO(answer.content)).size)

    tag = {"If-None-Match": answer.headers["etag"]}
    again = await served.client.get(f"{FILES}/{told['id']}/thumbnail?max_edge=1000", headers=tag)

    assert sizes == [(32, 32), (48, 48), (200, 200), (300, 300)]
    assert again.status_code == 304


async def test_each_plate_of_a_project_has_its_picture(served: Served, tmp_path: Path) -> None:
    project = threemf.write_3mf(tmp_path / "p.3mf", threemf.members(is_sliced=True))
    told = await sent(served.client, project.read_bytes(), "p.gcode.3mf")
    thumbnail = f"{FILES}/{told['id']}/thumbnail"

    pixels = []
    for plate in (1, 2):
        answer = await served.client.get(thumbnail, params={"plate": plate})
        pixels.append(Image.open(io.BytesIO(answer.content)).convert("L").getpixel((0, 0)))
    none = await served.client.get(thumbnail, params={"plate": 7})

    assert (told["kind"], [one["index"] for one in told["plates"]]) == ("3mf", [1, 2])
    assert pixels == [128, 200]
    assert (none.status_code, none.json()["type"]) == (404, "urn:orca:problem:no-thumbnail")


async def test_the_moves_are_read_by_a_run_and_stay_with_the_file(served: Served) -> None:
    told = await sent(served.client, gcode.orca().encode())
    before = await served.client.get(f"{FILES}/{told['id']}/analysis")

    events = await analysed(served.client, told["id"])

    names = [name for name, _ in events]
    file = (await served.client.get(f"{FILES}/{told['id']}")).json()
    found = (await served.client.get(f"{FILES}/{told['id']}/analysis")).json()
    assert (before.status_code, before.json()["type"]) == (404, "urn:orca:problem:not-analysed")
    assert (names[0], set(names[1:-1]), names[-1]) == ("started", {"progress"}, "done")
    assert events[-1][1] == {"result": {"file_id": told["id"], "findings": len(file["findings"])}}
    assert (file["has_analysis"], file["analysis_run_id"]) == (True, None)
    assert {len(column) for column in found["layers"].values()} == {3}
    assert [feature["name"] for feature in found["features"]] == ["Outer wall"]


async def test_a_run_is_followed_by_who_could_begin_it(served: Served) -> None:
    told = await sent(served.client, gcode.orca().encode())
    run = (await served.client.post(f"{FILES}/{told['id']}/analysis")).json()["id"]
    answers = {}
    for scope in ("slicer", "chat", "models"):
        named = {"name": scope, "scopes": [scope]}
        token = (await served.client.post("/api/v1/tokens", json=named)).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        answers[scope] = (await served.client.get(f"/api/v1/runs/{run}", headers=bearer)).json()

    assert [answers["slicer"]["id"], answers["chat"]["id"]] == [run, run]
    assert answers["models"]["type"] == "urn:orca:problem:scope-missing"
    assert answers["models"]["detail"] == "This needs a token with the scope slicer or chat."


async def test_a_report_is_a_document_or_a_text_for_a_forum(served: Served) -> None:
    told = await sent(served.client, gcode.orca().encode(), "a|b<i>![x](y).gcode")
    await analysed(served.client, told["id"])

    report = (await served.client.get(f"{FILES}/{told['id']}/report")).json()
    text = (await served.client.get(f"{FILES}/{told['id']}/report?format=md")).text

    counted = [finding["severity"] for finding in report["file"]["findings"]]
    assert report["counts"] == {name: counted.count(name) for name in report["counts"]}
    assert "layers" not in report["analysis"]
    assert text.startswith("# a\\|b&lt;i>!\\[x\\](y).gcode\n")
    assert "| Estimated time | 1 h 2 min |" in text
    assert "## What its moves tell" in text


async def test_moves_of_what_has_none_are_not_read(served: Served, tmp_path: Path) -> None:
    project = threemf.write_3mf(tmp_path / "p.3mf", threemf.members())
    told = await sent(served.client, project.read_bytes(), "p.3mf")
    noted = await served.client.post(NOTICES, json={"path": str(_written(tmp_path))})

    answers = [
        await served.client.post(f"{FILES}/{told['id']}/analysis"),
        await served.client.post(f"{FILES}/{noted.json()['id']}/analysis"),
        await served.client.post(f"{FILES}/nothing/analysis"),
    ]

    codes = [(one.status_code, one.json()["type"].rpartition(":")[2]) for one in answers]
    assert codes == [
        (409, "nothing-to-analyse"),
        (409, "file-not-whole"),
        (404, "no-such-file"),
    ]


async def test_a_script_tells_of_an_export_and_its_two_ends_are_kept(
    served: Served, tmp_path: Path
) -> None:
    path = _written(tmp_path, gcode.orca(body="G1 X1\n" * 1_000_000).encode())
    about = {"path": str(path), "name": "Exported.gcode", "host": "File"}

    told = (await served.client.post(NOTICES, json=about)).json()
    path.unlink()
    picture = await served.client.get(f"{FILES}/{told['id']}/thumbnail")

    kept = served.settings.slicer_dir / f"{told['id']}.gcode"
    assert (told["name"], told["source"], told["is_whole"]) == (
        "Exported.gcode",
        "post-process",
        False,
    )
    assert told["size_bytes"] > 5_000_000
    assert kept.stat().st_size == 2 << 20
    assert told["settings"]["layer_height"] == "0.2"
    assert picture.status_code == 200


async def test_the_file_itself_takes_the_place_of_its_announcement(
    served: Served, tmp_path: Path
) -> None:
    data = gcode.orca(version="2.9.9").encode()
    about = {"path": str(_written(tmp_path, data)), "name": "twice.gcode"}

    noted = (await served.client.post(NOTICES, json=about)).json()
    told = await sent(served.client, data, "twice.gcode")
    gone = await served.client.get(f"{FILES}/{noted['id']}")

    listed = (await served.client.get(FILES)).json()["items"]
    assert [one["id"] for one in listed if one["name"] == "twice.gcode"] == [told["id"]]
    assert gone.status_code == 404
    assert not (served.settings.slicer_dir / f"{noted['id']}.gcode").exists()


async def test_what_a_script_knows_stands_in_for_settings_that_the_file_lacks(
    served: Served, tmp_path: Path
) -> None:
    settings = {"layer_height": "0.3", "printhost_apikey": "secret", "print_host": "10.0.0.1"}
    about = {"path": str(_written(tmp_path, b"G28\nG1 X1 Y1 E1\n")), "settings": settings}

    told = (await served.client.post(NOTICES, json=about)).json()

    assert told["settings"] == {"layer_height": "0.3"}


async def test_a_notice_of_what_is_not_there_is_refused(served: Served, tmp_path: Path) -> None:
    export = tmp_path / "there.gcode"
    export.write_text(gcode.orca())
    texts = ["/nowhere/x.gcode", str(tmp_path), "relative.gcode", "/dev/zero", "a\x00b"]
    texts += [f"/{export}", "\\\\elsewhere\\share\\x.gcode"]
    answers = [await served.client.post(NOTICES, json={"path": text}) for text in texts]

    assert [answer.status_code for answer in answers] == [404] * 7


def _written(folder: Path, data: bytes = CUBE) -> Path:
    path = folder / "export.gcode.pp"
    path.write_bytes(data)
    return path
