"""The real window and the real icon, used as a person does: with a mouse, on a display."""

import os
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.agent.program import ROOT, OllamaProcess, fake_ollama
from tests.slicing.gcode import Part, orca

from .running import PYTHON, Tray, tray
from .screen import Display, display, missing, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
MODEL = "qwen3:4b"


def needed() -> str:
    """What these tests lack here; empty if nothing."""
    lacking = missing() + ([] if PYTHON.exists() else ["the environment of the window"])
    return f"not here: {', '.join(lacking)}" if lacking else ""


if needed() and os.environ.get("CI") != "true":
    pytest.skip(needed(), allow_module_level=True)


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Display]:
    with display(tmp_path_factory.mktemp("screen")) as one:
        yield one


@pytest.fixture(scope="module")
def ollama() -> Iterator[OllamaProcess]:
    with fake_ollama("--model", MODEL) as one:
        yield one


@pytest.fixture(scope="module")
def lasting(
    screen: Display, ollama: OllamaProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tray]:
    """The session of one user, which the tests below share."""
    with tray(screen, tmp_path_factory.mktemp("Jörg's home"), ollama_url=ollama.url) as one:
        yield one


@pytest.fixture
def used(lasting: Tray) -> Tray:
    """It runs, and the panel is drawn."""
    if lasting.process is None or lasting.process.poll() is not None:
        lasting.begin()
    lasting.ready()
    return lasting


def now(one: Tray) -> dict[str, object]:
    with one.agent() as agent:
        return agent.json("GET", "/desktop/now")


def test_the_first_start_shows_the_panel_signed_in_without_a_token_anywhere(used: Tray) -> None:
    with used.agent() as agent:
        sessions = [one["kind"] for one in agent.items("/tokens")]
    address = used.page.says("location.href")
    used.display.shoot("tray-first")

    assert address.endswith("/ui")
    assert sessions.count("session") == 1
    assert used.page.has("Ask about your print")


def test_the_menu_leads_to_the_pages_and_a_new_question_waits_for_words(used: Tray) -> None:
    used.choose("models")
    until(lambda: used.page.says("location.hash") == "#/models", "the models are shown")
    used.choose("new")
    until(
        lambda: used.page.says("document.activeElement.tagName") == "TEXTAREA",
        "the question can be written",
    )

    assert used.page.says("location.hash") in {"#/", "#/new"}


def test_pausing_and_starting_with_the_computer_are_switches(used: Tray) -> None:
    entry = used.home / ".config" / "autostart" / "orca-agents.desktop"
    used.choose("pause")
    until(lambda: now(used)["paused"], "the agent pauses")
    used.choose("autostart")
    until(entry.exists, "it starts with the computer")
    written = entry.read_text("utf-8")
    used.display.shoot("tray-paused")
    used.choose("pause")
    until(lambda: not now(used)["paused"], "the agent goes on")
    used.choose("autostart")
    until(lambda: not entry.exists(), "it starts with the computer no more")

    assert f"Exec={PYTHON} -P -m agent tray --hidden" in written


def test_a_model_that_was_pulled_and_a_print_that_waits_are_told(
    used: Tray, ollama: OllamaProcess
) -> None:
    ollama.behave(add_pullable={"name": "new:1b", "layers": [["ab" * 32, 1000]], "seconds": 0.1})
    calm = used.display.colours(used.display.icon())
    with used.agent() as agent:
        agent.pull("new:1b").result()
        until(lambda: bubbles(used), "the pull is told")
        used.display.shoot("tray-pulled")
        job = held(used)
    until(lambda: used.display.colours(used.display.icon()) != calm, "the icon has changed")
    until(lambda: used.page.says("document.readyState") == "complete", "the page is there")
    used.display.shoot("tray-held")
    used.choose("held")
    until(lambda: used.page.says("location.hash") == "#/held", "what is held is shown")
    until(lambda: used.page.has("bracket.gcode"), "the file is shown")
    with used.agent() as agent:
        agent.call("POST", f"/slicer/held/{job}/reject")

    until(lambda: not now(used)["held"], "nothing waits")


def bubbles(one: Tray) -> list[tuple[int, int, int, int]]:
    """Notifications that are shown at the icon."""
    return [
        part for part in one.display.parts() if part[1] < 60 and 100 < part[2] > 30 < part[3] < 120
    ]


def held(one: Tray) -> str:
    """A print that waits for a click; its id."""
    printer = {"name": "bench", "kind": "octoprint", "url": "http://127.0.0.1:9", "hold": "always"}
    with one.agent() as agent:
        made = agent.json("POST", "/printers", json={**printer, "force": True})
        key = agent.json("POST", "/tokens", json={"name": "slicer", "scopes": ["printhost"]})
        sent = httpx.post(
            f"{agent.url}/printhost/{made['id']}/api/files/local",
            files={"file": ("bracket.gcode", orca(Part()).encode())},
            data={"print": "true"},
            headers={"X-Api-Key": key["token"]},
            trust_env=False,
        )
        job = str(sent.raise_for_status().json()["job_id"])
        until(lambda: now(one)["held"], "the print waits")
    return job


def test_a_closed_window_stays_and_a_second_start_brings_it_back(used: Tray) -> None:
    window = used.window()
    used.display.run("wmctrl", "-i", "-c", window)
    until(lambda: not used.is_open(), "the window is closed")
    second = used.again()
    used.window()
    used.display.run("wmctrl", "-i", "-c", used.window())
    until(lambda: not used.is_open(), "the window is closed again")
    x, y, *_ = used.display.icon()
    used.display.click(x + 8, y + 8)
    used.window()

    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert used.page.has("New chat")


def test_links_outside_go_to_the_browser_and_those_inside_stay(used: Tray) -> None:
    opened = used.home / "opened"
    used.page.says("location.hash = '#/new'")
    used.page.says("window.open('https://example.org/outside', '_blank'); true")
    until(lambda: opened.exists() and "outside" in opened.read_text(), "the browser was asked")
    used.page.says("location.href = 'https://example.org/elsewhere'; true")
    until(lambda: "elsewhere" in opened.read_text(), "the browser was asked again")
    used.page.says("window.open('/docs', '_blank'); true")
    until(lambda: any(one.endswith("/docs") for one in used.page.addresses()), "the documents open")

    assert opened.read_text().splitlines() == [
        "https://example.org/outside",
        "https://example.org/elsewhere",
    ]
    assert used.page.says("location.pathname") == "/ui"


def test_downloads_land_in_the_folder_of_downloads_under_a_free_name(used: Tray) -> None:
    folder = used.home / "Downloads"
    save = (
        "(() => { const one = document.createElement('a'); one.download = 'answer.md';"
        " one.href = URL.createObjectURL(new Blob(['PETG strings'])); one.click(); return true })()"
    )
    for wanted in ("answer.md", "answer (2).md"):
        used.page.says(save)
        until((folder / wanted).exists, f"{wanted} is saved")

    assert [(folder / name).read_text() for name in ("answer.md", "answer (2).md")] == [
        "PETG strings",
        "PETG strings",
    ]


def test_a_page_of_the_agent_cannot_do_what_the_page_about_a_failure_offers(used: Tray) -> None:
    with used.agent() as agent:
        agent.follow(agent.json("POST", "/backup", json={})["id"]).result()
        young = agent.new_conversation(title="Younger than the backup")["id"]
    script = (
        "new Promise((done) => new QWebChannel(qt.webChannelTransport, (channel) => {"
        " for (const asked of ['[]', '[\"\"]', '[null]', '[\"undefined\"]'])"
        " channel.objects.external.call('restore', asked, '1');"
        " done(true) }))"
    )
    asked = used.page.says(script)
    used.again()  # takes longer than a restoring that was asked for before
    with used.agent() as agent:
        backups = [str(one["name"]) for one in agent.items("/backups")]
        found = agent.conversation(young)["id"]

    assert (asked, found) == (True, young)
    assert [name for name in backups if "before-restore" in name] == []


def test_an_agent_that_was_killed_comes_back_and_so_does_the_page(used: Tray) -> None:
    first = used.agent_pid()
    psutil.Process(first).kill()
    until(lambda: used.agent_pid() not in {0, first}, "there is another agent")
    until(lambda: used.page.says("fetch('/api/v1/session').then((one) => one.status)") == 200, "")

    used.display.shoot("tray-came-back")
    until(lambda: used.page.has("New chat"), "the panel is there again")


def test_a_page_whose_session_is_gone_is_signed_in_anew(used: Tray) -> None:
    with used.agent() as agent:
        for one in agent.items("/tokens"):
            if one["kind"] == "session":
                agent.call("DELETE", f"/tokens/{one['id']}")
    psutil.Process(used.agent_pid()).kill()

    until(
        lambda: used.page.says("fetch('/api/v1/session').then((one) => one.status)") == 200,
        "the window is signed in",
    )
    until(lambda: used.page.has("New chat"), "the panel is there again")


def test_quitting_can_leave_the_agent_and_the_window_remembers_its_place(used: Tray) -> None:
    used.display.run("wmctrl", "-i", "-r", used.window(), "-e", "0,200,120,700,600")
    until(lambda: used.display.box(used.window())[2:] == (700, 600), "the window is smaller")
    before = used.display.box(used.window())
    used.choose("quit")
    code = used.wait()
    pid = used.agent_pid()
    used.begin()
    used.ready()
    after = used.display.box(used.window())
    used.choose("quit-stop")
    stopped = used.wait()

    assert (code, stopped) == (0, 0)
    assert pid
    assert not used.agent_pid()
    assert after == before
    # pywebview has one of its own for each page that calls what it may not.
    assert f'File "{ROOT / "ui"}' not in used.said
