"""The plugin inside a fake slicer, beside a real agent."""

import asyncio
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.orca_module import NOBODY, PLUGIN, FakeSlicer, plugin_threads, slicer
from tests.serving import Served
from tests.slicing.gcode import orca

ROOT = Path(__file__).parents[3]


def test_the_header_says_what_it_is_and_wants_nothing_installed() -> None:
    block = re.match(r"# /// script\n((?:#.*\n)+?)# ///\n", PLUGIN.read_text("utf-8"))
    assert block is not None
    header = tomllib.loads(re.sub(r"^# ?", "", block[1], flags=re.MULTILINE))

    about = header["tool"]["orcaslicer"]["plugin"]
    assert (header["requires-python"], header["dependencies"]) == (">=3.12", [])
    assert set(about) == {"name", "description", "author", "version"}
    assert f'VERSION = "{about["version"]}"' in PLUGIN.read_text("utf-8")


async def test_the_tab_leads_to_the_agent_and_tells_it_what_the_slicer_shows(
    served: Served, tmp_path: Path
) -> None:
    host = await asyncio.to_thread(_loaded, served.url)
    try:
        await _gets_in(host, served)
        await _tells(host, served)
        await _exports(host, served, tmp_path / "plate_1.gcode")
    finally:
        await asyncio.to_thread(host.close)

    after = (await served.client.get("/api/v1/slicer/context")).json()
    assert (after["connected"], plugin_threads()) == (False, [])
    assert host.wrong_threads == []


def _loaded(url: str) -> FakeSlicer:
    host = FakeSlicer()
    host.load(url)
    return host


async def _gets_in(host: FakeSlicer, served: Served) -> None:
    """A code is shown and confirmed, and then a link of one use signs the page in."""
    page = await asyncio.to_thread(host.open_page)
    await asyncio.to_thread(page.say, t="hello")
    first = await asyncio.to_thread(page.until, t="agent")
    await asyncio.to_thread(page.say, t="pair")
    shown = await asyncio.to_thread(page.until, t="agent")
    (asking,) = (await served.client.get("/api/v1/pairing")).json()["items"]
    confirmed = await served.client.post(
        f"/api/v1/pairing/{asking['id']}/confirm", json={"code": shown["code"]}
    )
    host.module.desk.courier.put("wake")
    await asyncio.to_thread(lambda: page.until(**{"t": "agent", "is": "ready"}))
    await asyncio.to_thread(page.say, t="open")
    go = await asyncio.to_thread(page.until, t="go")
    await asyncio.to_thread(page.say, t="save")
    entered = await served.stranger.get(go["url"])
    await asyncio.to_thread(page.say, t="open")
    again = await asyncio.to_thread(page.until, t="go")

    assert (first["is"], shown["is"], asking["name"]) == ("stranger", "waiting", "OrcaSlicer")
    assert confirmed.status_code == 200
    assert (entered.status_code, entered.headers["Location"]) == (303, "/ui")
    assert again["url"] == f"{served.url}/ui"
    kept = json.loads(host.config or "")
    assert kept["token"]
    assert kept["token"] not in page.html + await asyncio.to_thread(
        host.on_ui, host.capability("AgentPage").get_ui
    )


async def _tells(host: FakeSlicer, served: Served) -> None:
    """Changes in the slicer are seen by the agent, by way of the page and by events."""
    page = host.page
    assert page is not None
    host.filaments.change(nozzle_temperature="250", printhost_apikey="secret")
    await asyncio.to_thread(lambda: host.happens("PresetSelected", name="PETG", msg="filament"))
    await asyncio.to_thread(page.until, t="look")
    await asyncio.to_thread(lambda: host.happens("SlicingJobComplete", code="ok", msg=""))
    told: dict[str, Any] = {"events": ()}  # Any: JSON values
    while len(told["events"]) < 2 or not told["state"]["presets"][2]["unsaved"]:
        told = (await served.client.get("/api/v1/slicer/context")).json()

    assert told["state"]["presets"] == [
        _preset("machine", "Voron 0.4"),
        {**_preset("process", "0.20mm"), "is_system": True},
        {
            **_preset("filament", "PETG"),
            "is_dirty": True,
            "unsaved": {"nozzle_temperature": ["240", "250"]},
        },
    ]
    assert told["state"]["objects"] == [
        {"name": "cube", "triangles": 12, "size_mm": [20.0, 20.0, 10.0], "is_manifold": True}
    ]
    assert told["state"]["settings"] == {"layer_height": "0.2", "nozzle_temperature": "240"}
    assert [(e["name"], e["subject"], e["code"]) for e in told["events"]] == [
        ("PresetSelected", "PETG", None),
        ("SlicingJobComplete", None, "ok"),
    ]
    assert "secret" not in json.dumps(told)
    for wish in ("ctx", "open", "ctx", "open"):
        await asyncio.to_thread(page.say, t=wish)
    for _ in range(2):
        await asyncio.to_thread(page.until, t="go")
    again = (await served.client.get("/api/v1/slicer/context")).json()
    assert again["received_at"] == told["received_at"]  # nothing new, nothing sent


async def _exports(host: FakeSlicer, served: Served, file: Path) -> None:
    """A file that the slicer has exported is read and checked where it lies."""
    await asyncio.to_thread(file.write_text, orca(), "utf-8")
    await asyncio.to_thread(lambda: host.happens("GCodeExportFinished", msg=str(file)))
    items: list[dict[str, Any]] = []  # Any: JSON values
    while not items:
        items = (await served.client.get("/api/v1/slicer/files")).json()["items"]

    assert [(one["name"], one["kind"]) for one in items] == [(file.name, "gcode")]


def _preset(kind: str, name: str) -> dict[str, object]:
    flags = {"is_system": False, "is_dirty": False, "is_compatible": True}
    return {"type": kind, "name": name, **flags, "unsaved": {}}


def test_without_an_agent_the_page_says_so_and_the_slicer_does_not_notice() -> None:
    with slicer(url=NOBODY) as host:
        page = host.open_page()
        page.say(t="hello")
        said = page.until(t="agent")
        for number in range(500):
            host.happens("ObjectAdded", name=f"cube {number}")

    assert said == {"t": "agent", "is": "absent"}
    assert plugin_threads() == []


def test_leave_is_asked_for_the_one_address() -> None:
    with slicer(url=NOBODY) as host:
        assert host.asked_for == [{"network_http": ["http://127.0.0.1:14434"]}]


def test_who_is_refused_leave_connects_to_nobody() -> None:
    with slicer(leave=False, url=NOBODY) as host:
        page = host.open_page()
        page.say(t="hello")

        assert page.until(t="agent") == {"t": "agent", "is": "denied"}


def test_where_leave_cannot_be_asked_for_the_first_knock_is_on_the_slicers_thread() -> None:
    with slicer(leave=None, url=NOBODY) as host:
        page = host.open_page()
        page.say(t="hello")

        assert page.until(t="agent") == {"t": "agent", "is": "absent"}
        assert host.module.desk.memory.is_allowed is True


def test_a_reload_ends_the_thread_of_the_load_before_it() -> None:
    with slicer(url=NOBODY) as host:
        (first,) = plugin_threads()
        host.capabilities = []  # a host that forgets to say farewell
        host.load(NOBODY)
        first.join(5)

        (second,) = plugin_threads()
        assert (first.is_alive(), second is not first) == (False, True)
    assert plugin_threads() == []


@pytest.mark.parametrize(
    "lacks",
    [
        ("request_permissions",),
        ("host.plater", "host.model"),
        ("host.preset_bundle",),
        ("host",),
        ("script",),
        ("version", "ExecutionResult"),
    ],
)
def test_what_a_build_lacks_is_done_without(lacks: tuple[str, ...]) -> None:
    with slicer(lacks=lacks, url=NOBODY) as host:
        page = host.open_page()
        page.say(t="hello")

        assert page.until(t="agent")["is"] == "absent"


def test_a_build_without_pages_still_shows_a_panel() -> None:
    with slicer(lacks=("pages",)) as host:
        result = host.on_ui(host.capability("AgentPanel").execute)

        assert (result, host.panel is not None) == ("success", True)


@pytest.mark.parametrize(
    ("lacks", "result", "messages"),
    [
        ((), "success", []),
        (("host.ui.create_dock_panel",), "success", []),
        (
            ("host.ui.create_dock_panel", "host.ui.create_window"),
            "skipped",
            ["Open http://127.0.0.1:14434/ui in a browser."],
        ),
        (("host.ui",), "skipped", []),
    ],
)
def test_the_panel_comes_where_the_host_has_a_place_for_it(
    lacks: tuple[str, ...], result: str, messages: list[str]
) -> None:
    with slicer(lacks=lacks) as host:
        script = host.capability("AgentPanel")

        results = [host.on_ui(script.execute) for _ in range(2)]

        assert results == [result] * 2
        assert (host.panel is not None, host.messages[:1]) == (result == "success", messages)
    assert host.panel is None or not host.panel.is_open


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example:80",
        "https://127.0.0.1:14434",
        "http://127.0.0.1@evil.example:80",
        "http://127.0.0.1",
        "http://127.0.0.1:99999",
        "javascript:alert(1)",
    ],
)
def test_no_other_address_gets_the_token(url: str) -> None:
    with slicer() as host:
        host.config = json.dumps({"url": url, "token": "secret"})
        memory = host.module.Memory()
        memory.read(host.config)

        assert (memory.url, memory.token) == ("http://127.0.0.1:14434", "")


@pytest.mark.parametrize("config", ["", "null", "[]", "{", '{"signed_in_at": "soon"}'])
def test_a_store_that_holds_nonsense_is_like_an_empty_one(config: str) -> None:
    with slicer() as host:
        memory = host.module.Memory()
        memory.read(config)

        assert (memory.url, memory.token) == ("http://127.0.0.1:14434", "")


def test_a_host_that_fails_at_everything_gives_an_empty_look() -> None:
    with slicer() as host:
        host.orca.host = _Failing()  # type: ignore[attr-defined]  # of the fake

        look = host.on_ui(host.module.snapshot)

    assert look == {
        "presets": [],
        "objects": [],
        "settings": {},
        "is_project_dirty": None,
        "slicer_version": "2.5.0",
        "language": None,
    }


class _Failing:
    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


def test_nothing_is_read_imported_or_connected_on_the_slicers_thread() -> None:
    # An audit hook stays for as long as its process lives: so it has one of its own.
    done = subprocess.run(
        [sys.executable, "-m", "tests.fakes.orca_module"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"granted": [], "unasked": ["http.client.connect"]}
