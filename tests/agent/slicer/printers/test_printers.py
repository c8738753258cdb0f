"""Printers added, looked at, changed and removed, through the front door."""

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from tests.agent.program import program
from tests.agent.slicer.printers.door import PRINTERS, Json, added
from tests.agent.talking import body, problem
from tests.fakes.printers import FakeMoonraker, FakeOctoPrint, FakePrusaLink, How
from tests.serving import NOBODY, Served, running_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")
IN_FILE = "file secrets.json, readable by you alone"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("agent") / "data"
    async with running_agent(folder, printer_seconds=9) as one:
        yield one


def jpeg() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, "JPEG")
    return buffer.getvalue()


async def refused(served: Served, **asked: object) -> tuple[int, str]:
    told = {"name": "other", "kind": "octoprint", "url": NOBODY, **asked}
    return problem(await served.client.post(PRINTERS, json=told))


async def test_a_printer_is_added_after_it_was_tried_and_its_key_is_never_told(
    served: Served,
) -> None:
    async with FakeOctoPrint() as fake:
        made = await added(served, fake, "octoprint", name="ender", hold="always")
        listed = (await served.client.get(PRINTERS)).text
        by_name = body(await served.client.get(f"{PRINTERS}/ender"))

        assert made == {
            "id": made["id"],
            "name": "ender",
            "kind": "octoprint",
            "url": fake.url,
            "hold": "always",
            "storage": "",
            "user": "",
            "camera_url": "",
            "ca_file": None,
            "has_key": True,
            "key_place": IN_FILE,
            "warning": None,  # it stays on this computer
            "print_host": "/printhost/ender",
            "created_at": made["created_at"],
        }
        assert by_name == made
        assert made["id"] in listed
        assert fake.key not in listed
        assert fake.requests[0].headers["x-api-key"] == fake.key
        assert fake.count("POST", "/") == 0


async def test_what_cannot_be_a_printer_is_refused_in_words(served: Served) -> None:
    async with FakeOctoPrint() as fake:
        await added(served, fake, "octoprint", name="taken")
        own = served.url

        assert await refused(served, url=f"{NOBODY}/far") == (503, "printer-unreachable")
        assert await refused(served, url=fake.url, name="taken") == (409, "printer-exists")
        assert await refused(served, url=fake.url) == (409, "printer-address-exists")
        assert await refused(served, name="default") == (409, "printer-exists")
        assert await refused(served, name="Not a name") == (422, "invalid-fields")
        assert await refused(served, url="http://169.254.169.254/") == (422, "invalid-address")
        assert await refused(served, url=f"{own}/printhost/x") == (422, "invalid-address")
        assert await refused(served, camera_url="http://[fe80::1]/") == (422, "invalid-address")
        assert await refused(served, key="a\nb") == (422, "invalid-key")
        assert await refused(served, ca_file="/nowhere.pem") == (422, "bad-ca-file")
        assert fake.count("POST", "/") == 0


async def test_a_key_that_is_wrong_is_told_before_the_printer_is_kept(served: Served) -> None:
    async with FakeOctoPrint() as octoprint, FakePrusaLink(user="maker") as prusalink:
        wrong = await refused(served, url=octoprint.url, key="wrong")
        asked: Json = {"url": prusalink.url, "kind": "prusalink", "user": "maker", "key": "wrong"}

        assert wrong == (503, "printer-key-refused")
        assert await refused(served, **asked) == (503, "printer-key-refused")


async def test_a_printer_that_is_away_is_added_by_force_and_told_as_offline(
    served: Served,
) -> None:
    asked = {"name": "away", "kind": "moonraker", "url": NOBODY, "force": True}
    made = body(await served.client.post(PRINTERS, json=asked), 201)
    at_home = {**asked, "name": "home", "url": "http://192.0.2.7", "key": "secret"}
    keyed = body(await served.client.post(PRINTERS, json=at_home), 201)
    state = body(await served.client.get(f"{PRINTERS}/{made['id']}/state"))
    tested = await served.client.post(f"{PRINTERS}/{made['id']}/test")
    camera = await served.client.get(f"{PRINTERS}/{made['id']}/camera")

    assert (made["has_key"], made["warning"]) == (False, None)
    assert keyed["warning"] == "The key travels in clear text, as is usual at home."
    assert (state["state"], state["temperatures"], state["progress"]) == ("offline", [], None)
    assert state["problem"]["type"] == "urn:orca:problem:printer-unreachable"
    assert problem(tested) == problem(camera) == (503, "printer-unreachable")


async def test_many_who_look_at_once_ask_the_printer_once(served: Served) -> None:
    async with FakeMoonraker() as fake:
        made = await added(served, fake, "moonraker")
        fake.keep("cube.gcode", b"G28\n")
        fake.print_it("cube.gcode")
        before = fake.count("GET", "/printer/objects/query")
        path = f"{PRINTERS}/{made['id']}/state"
        states = await asyncio.gather(*(served.client.get(path) for _ in range(20)))

        told = {key: value for key, value in body(states[0]).items() if key != "asked_at"}
        assert told == {
            "printer": made["id"],
            "state": "printing",
            "detail": "printing",
            "file": "cube.gcode",
            "progress": 0.25,
            "elapsed_seconds": 60,
            "remaining_seconds": 180,
            "temperatures": [
                {"name": "nozzle", "actual": 214.8, "target": 215.0},
                {"name": "bed", "actual": 60.1, "target": 60.0},
            ],
            "problem": None,
        }
        assert fake.count("GET", "/printer/objects/query") == before + 1


async def test_a_camera_is_shown_after_its_picture_was_read(served: Served) -> None:
    picture = jpeg()
    async with FakeMoonraker() as fake, FakeMoonraker() as elsewhere:
        made = await added(served, fake, "moonraker")
        path = f"{PRINTERS}/{made['id']}/camera"
        none = await served.client.get(path)
        fake.camera, fake.picture = "/webcam/?action=snapshot", picture
        shown = await served.client.get(path)
        fake.picture = b"<script>alert(1)</script>"
        garbled = await served.client.get(path)
        fake.fail("GET", "/webcam/", How.ENDLESS)
        endless = await served.client.get(path)
        fake.fail("GET", "/webcam/", f"{elsewhere.url}/webcam/")
        redirected = await served.client.get(path)
        fake.camera = "http://192.0.2.7/snap.jpg"
        away = await served.client.get(path)

        assert problem(none) == (404, "no-camera")
        assert (shown.content, shown.headers["content-type"]) == (picture, "image/jpeg")
        assert problem(garbled) == (503, "camera-garbled")
        assert problem(endless) == (503, "printer-garbled")
        assert problem(redirected) == (422, "printer-redirects")
        assert problem(away) == (422, "camera-elsewhere")
        assert elsewhere.requests == []


async def test_a_prusalink_shows_its_camera_if_it_has_one(served: Served) -> None:
    picture = jpeg()
    async with FakePrusaLink(user="maker", qop="auth") as fake:
        made = await added(served, fake, "prusalink")
        path = f"{PRINTERS}/{made['id']}/camera"
        dark = await served.client.get(path)
        fake.fail("GET", "/api/v1/cameras/snap", 404, times=2)
        none = await served.client.get(path)
        fake.heal()
        fake.picture = picture
        shown = await served.client.get(path)

        assert problem(dark) == problem(none) == (404, "no-camera")
        assert shown.content == picture


async def test_a_camera_of_another_host_gets_no_key(served: Served) -> None:
    async with FakeOctoPrint() as fake, FakeOctoPrint() as camera:
        camera.picture, camera.key = jpeg(), ""
        url = f"{camera.url}/webcam/?action=snapshot"
        made = await added(served, fake, "octoprint", camera_url=url)
        await served.client.get(f"{PRINTERS}/{made['id']}/camera")

        assert [asked.path for asked in camera.requests] == ["/webcam/"]
        assert "x-api-key" not in camera.requests[0].headers


async def test_what_is_changed_works_at_once_and_what_is_left_out_stays(served: Served) -> None:
    async with FakeOctoPrint() as fake:
        made = await added(served, fake, "octoprint")
        path = f"{PRINTERS}/{made['id']}"
        held = body(await served.client.patch(path, json={"hold": "never"}))
        bare = body(await served.client.patch(path, json={"key": ""}))
        unasked = body(await served.client.get(f"{path}/state"))
        await served.client.patch(path, json={"key": fake.key})
        again = body(await served.client.post(f"{path}/test"))
        bad = await served.client.patch(path, json={"url": "http://169.254.1.1"})
        gone = await served.client.delete(path)
        missing = await served.client.get(path)

        assert held == {**made, "hold": "never"}
        assert (bare["has_key"], bare["key_place"]) == (False, None)
        assert (unasked["state"], again["state"]) == ("unknown", "idle")
        assert unasked["problem"]["type"] == "urn:orca:problem:printer-key-refused"
        assert again["program"] == "OctoPrint 1.11.8"
        assert problem(bad) == (422, "invalid-address")
        assert (gone.status_code, problem(missing)) == (204, (404, "no-such-printer"))
        kept = served.settings.data_dir.joinpath("secrets.json").read_text()
        assert made["id"] not in kept


async def test_what_a_printer_says_is_never_trusted(served: Served) -> None:
    async with FakeMoonraker() as fake:
        made = await added(served, fake, "moonraker")
        states = []
        for how in (How.GARBLED, How.ENDLESS, How.NO_HTTP, 500):
            fake.fail("GET", "/server/info", how)
            changed = {"camera_url": f"{fake.url}/{how}"}  # so that the next look is a new one
            await served.client.patch(f"{PRINTERS}/{made['id']}", json=changed)
            state = body(await served.client.get(f"{PRINTERS}/{made['id']}/state"))
            states.append((state["state"], state["problem"]["type"].rpartition(":")[2]))

    assert states == [
        ("offline", "printer-garbled"),
        ("offline", "printer-garbled"),
        ("offline", "printer-garbled"),
        ("unknown", "printer-failed"),
    ]


@pytest.mark.slow
async def test_the_command_adds_lists_tests_and_removes(tmp_path: Path) -> None:
    async with FakeOctoPrint() as fake:
        locked = "tests.fakes.keyrings.kept.Locked"
        with program(tmp_path / "data", PYTHON_KEYRING_BACKEND=locked) as orca:
            await asyncio.to_thread(orca.serve)

            async def say(*words: str, stdin: str = "") -> tuple[int, str, str]:
                done = await asyncio.to_thread(orca.orca, "printers", *words, stdin=stdin)
                assert fake.key not in done.stdout + done.stderr
                return done.returncode, done.stdout, done.stderr

            adding = ("add", "ender", fake.url, "--kind", "octoprint")
            wrong = await say(*adding, "--key-stdin", stdin="wrong\n")
            made = await say(*adding, "--key-stdin", stdin=f"{fake.key}\n")
            listed = await say("list", "--json")
            tested = await say("test", "ender")
            keyed = await say("key", "ender", "--key-stdin", stdin=f"{fake.key}\n")
            keyless = await say("key", "ender")
            untested = await say("test", "ender")
            removed = await say("remove", "ender", "--yes")
            missing = await say("test", "ender")

    assert (wrong[0], "refuses the key" in wrong[2], "--force" in wrong[2]) == (1, True, True)
    assert made[0] == 0
    assert "/printhost/ender" in made[1]
    assert [one["name"] for one in json.loads(listed[1])] == ["ender"]
    assert tested[0] == 0
    assert "OctoPrint 1.11.8, idle" in tested[1]
    assert "nozzle 215 °C of 215" in tested[1]
    assert keyed == (0, f"Key: {IN_FILE} (keyring: locked)\n", "")
    assert (keyless, untested[0], removed[0]) == ((0, "", ""), 1, 0)
    assert "no printer called ender" in missing[2]
