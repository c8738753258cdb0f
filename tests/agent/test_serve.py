"""The agent as a process: how it starts, who may start it, and how it ends."""

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

import httpx
import pytest

from agent import ports, runfile
from agent.shared import folders
from agent.terminal import has_display
from tests.agent.program import Program, events_of, fake_ollama, program, until

# A signal lets fixtures end what a test started; the thread would leave it behind.
METHOD = "signal" if os.name == "posix" else "thread"
pytestmark = pytest.mark.timeout(60, method=METHOD)

STREAMS = 50
FLUSH_FAILED = 120  # of Python itself, when its last words find no room


@contextmanager
def taken_port() -> Iterator[int]:
    """A port of another program."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_start_says_where_it_is_and_an_end_takes_that_back(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        agent = one.serve()
        token = (one.data_dir / "token").read_text().strip()
        health = httpx.get(
            f"{agent.url}/api/v1/health/ready", headers={"Authorization": f"Bearer {token}"}
        )
        modes = {
            name: stat.S_IMODE((one.data_dir / name).stat().st_mode)
            for name in (".", "agent.json", "token", "logs/agent.log")
        }
        code, out, err = one.end()

    assert (agent.token, health.json()["status"]) == (token, "degraded")
    assert (code, err) == (0, "")
    assert f"Open:  {agent.url}/ui/ticket/" in out
    assert "Model: none yet, the guide answers\n" in out
    assert out.endswith("\nThe agent has ended.\n")
    assert not (one.data_dir / "agent.json").exists()
    if os.name == "posix":
        assert modes == {".": 0o700, "agent.json": 0o600, "token": 0o600, "logs/agent.log": 0o600}


@pytest.mark.slow
def test_the_server_says_nothing_about_what_it_is_made_of(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        answer = httpx.get(f"{one.serve().url}/api/v1/health/live")

    assert answer.json() == {"status": "alive"}
    assert "server" not in answer.headers


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no gentle signal")
def test_fifty_streams_are_told_of_the_end(tmp_path: Path) -> None:
    settings = {"ORCA_AGENT_CONCURRENT_CHATS": str(STREAMS)}
    with (
        fake_ollama("--tokens", "100000", "--pace", "20", "--num-parallel", "64") as ollama,
        program(tmp_path / "data", ollama_url=ollama.url, **settings) as one,
    ):
        one.serve()
        heard, readers = _readers(one, STREAMS)
        until(lambda: sum("event: token" in text for text in heard.values()) == STREAMS)

        code, _, err = one.end()
        for reader in readers:
            reader.join(20)

        last = Counter(events_of(text)[-1][0] for text in heard.values())
        assert (code, err) == (0, "")
        assert last == {"interrupted": STREAMS}
        until(lambda: ollama.stats()["answering"] == 0)


def _readers(one: Program, count: int) -> tuple[dict[int, str], list[threading.Thread]]:
    heard = dict.fromkeys(range(count), "")
    agent = one.client()
    runs = [
        agent.send(agent.new_conversation()["id"], f"question {number}")["run"]["id"]
        for number in range(count)
    ]
    found = runfile.read(one.data_dir)
    assert found is not None
    headers = {"Authorization": f"Bearer {found.token}"}

    def read(number: int) -> None:
        path = f"{found.url}/api/v1/runs/{runs[number]}/events"
        with httpx.stream("GET", path, headers=headers, timeout=30, trust_env=False) as answer:
            for text in answer.iter_text():
                heard[number] += text

    threads = [threading.Thread(target=read, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    agent.close()
    return heard, threads


@pytest.mark.skipif(os.name == "nt", reason="Windows has no gentle signal")
@pytest.mark.slow
def test_ctrl_c_ends_it_cleanly_though_a_reader_has_stopped_reading(tmp_path: Path) -> None:
    with (
        fake_ollama("--tokens", "3000000") as ollama,
        program(tmp_path / "data", ollama_url=ollama.url) as one,
    ):
        agent = one.serve()
        client = one.client()
        run = client.send(client.new_conversation()["id"], "go")["run"]["id"]
        with socket.create_connection(("127.0.0.1", agent.port)) as stalled:
            head = f"GET /api/v1/runs/{run}/events HTTP/1.1\r\nHost: 127.0.0.1:{agent.port}\r\n"
            stalled.sendall(f"{head}Authorization: Bearer {agent.token}\r\n\r\n".encode())
            assert stalled.recv(12) == b"HTTP/1.1 200"
            until(lambda: client.json("GET", f"/runs/{run}")["last_seq"] > 20_000)

            assert one.process is not None
            one.process.send_signal(signal.SIGINT)
            one.process.wait(20)  # and not for ever: the bench says how soon

        client.close()
        code, _, _ = one.end()

    assert code == 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_under_its_output_ends_no_agent(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one, Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "agent", "serve", "--no-browser"]
        begun = subprocess.Popen(
            command, env=one.environment, stdin=subprocess.DEVNULL, stdout=full, stderr=full
        )
        try:
            until(lambda: runfile.find_agent(one.data_dir))
        finally:
            begun.terminate()
            code = begun.wait(30)

    assert code in (0, FLUSH_FAILED)


@pytest.mark.slow
def test_a_second_start_hands_out_the_link_of_the_first(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        agent = one.serve()

        second = one.orca("serve", "--no-browser")
        link = second.stdout.split("Open:")[1].strip()
        visit = httpx.get(link)

    assert (second.returncode, second.stderr) == (0, "")
    assert "runs already" in second.stdout
    assert link.startswith(f"{agent.url}/ui/ticket/")
    assert visit.status_code == 303


@pytest.mark.slow
def test_hints_name_the_program_as_it_is_called_from_here(tmp_path: Path) -> None:
    folder = Path(sys.executable).parent
    with program(tmp_path / "data", PATH="/nowhere") as one:
        done = one.orca("url")
        other = one.orca("url", "--data-dir", "an other")

    called = str(folder / "orca-agent").removeprefix(f"{Path.cwd()}{os.sep}")
    assert f"`{called} serve`" in done.stderr
    assert f'`{called} serve --data-dir "an other"`' in other.stderr


@pytest.mark.slow
def test_another_folder_is_another_agent(tmp_path: Path) -> None:
    with program(tmp_path / "one") as one, program(tmp_path / "two") as two:
        first, second = one.serve(), two.serve()

    assert first.port != second.port
    assert first.token != second.token


@pytest.mark.slow
def test_a_port_that_is_taken_is_replaced_and_the_consequence_said(tmp_path: Path) -> None:
    with taken_port() as port, program(tmp_path / "data", ORCA_AGENT_PORT=str(port)) as one:
        agent = one.serve()
        health = httpx.get(f"{agent.url}/api/v1/health/live")
        _, _, err = one.end()

    assert agent.port != port
    assert health.status_code == 200
    assert f"Port {port} is taken by another program" in err
    assert f"uses port {agent.port}" in err
    assert f"http://127.0.0.1:{port} (OrcaSlicer" in err


@pytest.mark.slow
def test_what_a_killed_agent_left_behind_misleads_nobody(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        first = one.serve()
        assert one.process is not None
        one.process.kill()
        one.process.communicate()
        left = (one.data_dir / "agent.json").exists()
        status = one.orca("status")

        second = one.serve()

    assert left
    assert (status.returncode, status.stdout) == (
        1,
        "No agent runs. Start it with `make run` or `orca-agent serve`.\n",
    )
    assert second.pid != first.pid


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ORCA_AGENT_PORT", "70000", "must be a whole number from 0 to 65535, not 70000."),
        ("ORCA_AGENT_PORT", "", "must be a whole number from 0 to 65535, not empty."),
        ("ORCA_AGENT_STALL_SECONDS", "0", "must be a number over 0, up to 86400, not 0."),
        (
            "ORCA_AGENT_KEEP_ALIVE",
            "ever",
            "must be a time such as 5m or 1h, or -1 for ever, not ever.",
        ),
        ("ORCA_AGENT_GUIDE", "maybe", "must be true or false, not maybe."),
        ("ORCA_AGENT_LOG_LEVEL", "loud", "must be debug, info, warning or error, not loud."),
        (
            "ORCA_AGENT_OLLAMA_URL",
            "ftp://x",
            "cannot be used: an address of Ollama begins with http:// or https://.",
        ),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_sentence(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    with program(tmp_path / "data", **{name: value}) as one:
        done = one.orca("serve")

    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{name} {sentence}\n")
    assert not one.data_dir.exists()


def test_a_setting_that_does_not_exist_stops_the_start(tmp_path: Path) -> None:
    with program(tmp_path / "data", ORCA_AGENT_COLOUR="red") as one:
        done = one.orca("serve")

    assert done.returncode == 2
    assert done.stderr == "There is no setting called ORCA_AGENT_COLOUR.\n"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("stall_seconds = 0", "stall_seconds in agent.toml must be a number over 0"),
        ("colour = 1", "There is no setting called colour (agent.toml)."),
        ('data_dir = "/x"', "data_dir has no place in agent.toml"),
        ("port == 1", "agent.toml is not TOML: see line 1, column"),
    ],
)
def test_a_mistake_in_the_file_is_called_by_its_name(
    tmp_path: Path, line: str, sentence: str
) -> None:
    with program(tmp_path / "data") as one:
        one.data_dir.mkdir()
        (one.data_dir / "agent.toml").write_text(line)
        done = one.orca("serve")

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert sentence in done.stderr


@pytest.mark.slow
def test_a_log_level_of_other_programs_is_left_to_them(tmp_path: Path) -> None:
    with program(tmp_path / "data", LOG_LEVEL="TRACE") as one:
        one.serve()
        code, _, err = one.end()

    assert code == 0
    assert err == (
        "LOG_LEVEL is not used: it is TRACE, and would have to be debug, info, warning or error.\n"
    )


def test_a_data_folder_that_is_a_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    way_out = "Move it away, or name another folder with --data-dir or ORCA_AGENT_DATA_DIR.\n"
    with program(tmp_path / "data") as one:
        done = one.orca("serve")
        below = one.orca("serve", "--data-dir", str(tmp_path / "data" / "below"))
        doctor = one.orca("doctor")

    file, said = tmp_path / "data", "The data folder"
    assert (done.returncode, below.returncode, doctor.returncode) == (2, 2, 1)
    assert done.stderr == f"{said} {file} cannot be used: it is a file. {way_out}"
    assert below.stderr == (f"{said} {file / 'below'} cannot be used: {file} is a file. {way_out}")
    assert f"{file} is a file" in doctor.stdout


@pytest.mark.slow
def test_options_of_serve_are_stronger_than_the_environment(tmp_path: Path) -> None:
    other = tmp_path / "other"
    with program(tmp_path / "data", ORCA_AGENT_PORT="1") as one:
        begun = one.begin("serve", "--no-browser", "--port", "0", "--data-dir", str(other))
        until(lambda: runfile.find_agent(other))
        begun.terminate()
        out, err = begun.communicate(timeout=30)

    assert err == ""
    assert f"Data:  {other}" in out
    assert not one.data_dir.exists()


@pytest.mark.parametrize("way", ["by the environment", "by an option"])
def test_a_start_names_its_folder_in_what_is_to_be_typed_elsewhere(
    tmp_path: Path, way: str
) -> None:
    folder = tmp_path / "data"
    chosen, option = (folder, []) if way == "by the environment" else (tmp_path / "no", [folder])
    with program(chosen) as one:
        begun = one.begin("serve", "--no-browser", *(f"--data-dir={path}" for path in option))
        until(lambda: runfile.find_agent(folder))
        begun.terminate()
        out, _ = begun.communicate(timeout=30)

    assert f"orca-agent url --data-dir {folder}` makes another)" in out
    assert f"orca-agent stop --data-dir {folder}`\n" in out


def test_why_a_port_cannot_be_had_is_explained() -> None:
    forbidden = OSError(errno.EACCES, "forbidden")
    forbidden.winerror = 10013  # type: ignore[attr-defined]  # as on Windows

    assert "netsh int ipv4 show excludedportrange tcp" in ports.why(forbidden, 14434)
    assert (
        ports.why(OSError(errno.EACCES, ""), 80) == "Port 80 wants more rights than this user has."
    )
    assert "14434 is taken" in ports.why(OSError(errno.EADDRINUSE, ""), 14434)


@pytest.mark.parametrize(
    ("folder", "mounts", "says"),
    [
        ("/home/a/.local/share/orca", [("/", "ext4")], None),
        ("/home/a/orca", [("/", "ext4"), ("/home", "nfs4")], "network drive (nfs4)"),
        ("/home/a/orca", [("/home", "nfs4"), ("/home/a", "ext4")], None),
        ("/home/ab/orca", [("/", "ext4"), ("/home/a", "cifs")], None),
        ("/Users/a/Dropbox/orca", [("/", "apfs")], "Dropbox"),
        ("/Users/a/Library/Mobile Documents/com~apple~CloudDocs/o", [("/", "apfs")], "iCloud"),
    ],
)
def test_folders_where_databases_break_are_named(
    folder: str, mounts: list[tuple[str, str]], says: str | None
) -> None:
    told = folders.warning(PurePosixPath(folder), mounts)

    assert says in told if says and told else told is None and says is None


def test_folders_of_windows_are_named_too() -> None:
    shared = folders.warning(PureWindowsPath(r"\\server\share\orca"), [])
    synced = folders.warning(
        PureWindowsPath(r"C:\Users\a\OneDrive - Firm\orca"), [("C:\\", "NTFS")]
    )

    assert shared is not None
    assert "network drive" in shared
    assert synced is not None
    assert "OneDrive" in synced


def test_a_browser_is_opened_only_where_a_person_sees_it() -> None:
    on_linux = os.name == "posix" and os.uname().sysname == "Linux"

    assert not has_display({"CI": "true", "DISPLAY": ":0"})
    assert not has_display({"SSH_CONNECTION": "1 2 3 4", "DISPLAY": ":0"})
    assert has_display({"DISPLAY": ":0"})
    assert has_display({}) is not on_linux
