"""What is decided about Ollama's process without looking at it, and where its program is."""

import os
from pathlib import Path

import pytest

from agent.runtime import binary, record, rules
from agent.runtime.probe import _read as read_answer
from agent.runtime.record import Identity, Record
from agent.runtime.rules import Holder, Pace, Sight, Sizing
from agent.runtime.target import Target

SIZING = Sizing(context_tokens=8192, parallel=2, max_loaded_models=1, keep_alive="5m")
GB = 10**9


def test_defect_3_the_child_listens_on_loopback_whatever_ollama_host_says() -> None:
    for said in ("0.0.0.0", "0.0.0.0:11434", "[::]:11434", "http://10.60.4.77", ""):
        told = rules.child_environment({"OLLAMA_HOST": said}, SIZING, 11500)

        assert told["OLLAMA_HOST"] == "127.0.0.1:11500"


def test_defect_4_the_child_gets_only_variables_that_ollama_has() -> None:
    inherited = {
        "OLLAMA_METAL": "1",
        "OLLAMA_NUM_GPU": "99",
        "OLLAMA_NUM_THREAD": "8",
        "OLLAMA_MAX_RAM": "8GB",
        "OLLAMA_MODELS": "/models",
        "OLLAMA_NUM_PARALLEL": "7",
        "CUDA_VISIBLE_DEVICES": "1",
        "PATH": "/bin",
    }

    told = rules.child_environment(inherited, SIZING, 11434)

    assert told == {
        "PATH": "/bin",
        "CUDA_VISIBLE_DEVICES": "1",
        "OLLAMA_MODELS": "/models",
        "OLLAMA_HOST": "127.0.0.1:11434",
        "OLLAMA_CONTEXT_LENGTH": "8192",
        "OLLAMA_NUM_PARALLEL": "7",
        "OLLAMA_MAX_LOADED_MODELS": "1",
        "OLLAMA_KEEP_ALIVE": "5m",
    }
    assert rules.unreal(inherited) == [
        "OLLAMA_MAX_RAM",
        "OLLAMA_METAL",
        "OLLAMA_NUM_GPU",
        "OLLAMA_NUM_THREAD",
    ]


def test_the_child_sees_no_secret_and_lets_no_other_page_in() -> None:
    inherited = {
        "OPENAI_API_KEY": "sk-1",
        "ORCA_AGENT_DATA_DIR": "/data",
        "OLLAMA_API_KEY": "secret",
        "OLLAMA_ORIGINS": "*",
        "OLLAMA_DEBUG_LOG_REQUESTS": "1",
        "HTTP_PROXY": "http://proxy",
        "HTTPS_PROXY": "http://proxy",
    }

    told = rules.child_environment(inherited, SIZING, 11434)

    assert set(told) == {"HTTPS_PROXY", "OLLAMA_HOST", *rules.sized(SIZING)}


def test_waits_between_starts_double_up_to_a_limit() -> None:
    pace = Pace(first_wait_s=1, longest_wait_s=10, give_up_after=5)

    assert [rules.wait_s(count, pace) for count in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert [rules.gives_up(count, pace) for count in (4, 5)] == [False, True]


@pytest.mark.parametrize(
    ("rss", "limit", "loaded", "why"),
    [
        (20 * GB, 24 * GB, 1, None),
        (25 * GB, 24 * GB, 1, "it holds 25.0 GB, more than the 24.0 GB that it may"),
        (4 * GB, 24 * GB, 1, None),
        (4 * GB, 24 * GB, 0, "it holds 4.0 GB although no model is loaded"),
        (1 * GB, 24 * GB, 0, None),
        (900 * GB, None, 1, None),
    ],
)
def test_a_child_that_grew_is_to_be_started_anew(
    rss: int, limit: int | None, loaded: int, why: str | None
) -> None:
    assert rules.outgrown(rss, limit, models_loaded=loaded) == why


def test_the_limit_of_memory_is_what_was_set_or_a_share_of_what_there_is() -> None:
    assert rules.memory_limit_bytes(16 * GB, 0) == 13.6 * GB
    assert rules.memory_limit_bytes(16 * GB, 4000) == 4 * GB
    assert rules.memory_limit_bytes(0, 0) is None


@pytest.mark.parametrize(
    ("code", "lines", "sentence"),
    [
        (
            1,
            ["Error: listen tcp 127.0.0.1:11434: bind: address already in use"],
            "Port 11434 was taken by another program.",
        ),
        (
            1,
            ["Error: listen: An attempt was made ... forbidden by its access permissions."],
            (
                "The system does not give port 11434 away. On Windows `netsh int ipv4 show "
                "excludedportrange tcp` lists the ports that it keeps for itself."
            ),
        ),
        (
            2,
            ["level=INFO msg=ready", "panic: index out of range", ""],
            "Ollama did not stay: it ended with exit code 2, saying: panic: index out of range.",
        ),
        (-9, [], "Ollama did not stay: it was ended by signal 9."),
        (None, [], "Ollama did not stay: it was ended."),
    ],
)
def test_an_end_is_explained(code: int | None, lines: list[str], sentence: str) -> None:
    assert rules.why_ended(code, lines, 11434) == sentence


def test_a_person_is_told_how_to_end_a_server_that_is_not_ours() -> None:
    told = {owner: rules.how_to_stop(Holder(owner)) for owner in ("systemd", "app", "user")}

    assert told == {
        "systemd": "The system's service runs it: `sudo systemctl stop ollama` ends it.",
        "app": "Ollama's app runs it: quit the app in its menu.",
        "user": "It was started by hand or by another program: end it there.",
    }


@pytest.mark.parametrize(
    ("url", "is_here", "at_the_port", "elsewhere"),
    [
        ("http://127.0.0.1:11434", True, "http://127.0.0.1:11434", "http://127.0.0.1:9999"),
        ("http://localhost:11434", True, "http://localhost:11434", "http://127.0.0.1:9999"),
        ("http://[::1]:11434", True, "http://127.0.0.1:11434", "http://127.0.0.1:9999"),
        ("http://10.60.4.77:11434", False, "", ""),
        ("https://127.0.0.1:11434", False, "", ""),
        ("http://127.0.0.1:8080/ollama", False, "", ""),
    ],
)
def test_only_a_plain_loopback_address_can_be_that_of_a_child(
    url: str,
    is_here: bool,  # noqa: FBT001 - a column of the table
    at_the_port: str,
    elsewhere: str,
) -> None:
    target = Target.of(url)

    assert target.is_here is is_here
    if is_here:
        assert (target.url_at(11434), target.url_at(9999)) == (at_the_port, elsewhere)


@pytest.mark.parametrize(
    ("said", "sight"),
    [
        (b'HTTP/1.1 200 OK\r\nX: y\r\n\r\n{"version":"0.33.0"}', Sight.OLLAMA),
        (b'HTTP/1.1 200 OK\r\n\r\n14\r\n{"version":"0.33.0"}\r\n0\r\n\r\n', Sight.OLLAMA),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>{}</html>", Sight.STRANGER),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", Sight.STRANGER),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Sight.UNCLEAR),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", Sight.UNCLEAR),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Sight.STRANGER),
        (b"", Sight.UNCLEAR),
    ],
)
def test_what_answers_is_told_apart(said: bytes, sight: Sight) -> None:
    assert read_answer(said).sight is sight


# --- where it is --------------------------------------------------------------------------------


def put(root: Path, name: str) -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n", "utf-8")
    file.chmod(0o700)
    return file


@pytest.mark.skipif(os.name != "posix", reason="rights to execute are those of POSIX")
@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("linux", "usr/local/bin/ollama"),
        ("linux", "usr/bin/ollama"),
        ("linux", "bin/ollama"),
        ("linux", "home/.local/bin/ollama"),
        ("darwin", "usr/local/bin/ollama"),
        ("darwin", "opt/homebrew/bin/ollama"),
        ("darwin", "Applications/Ollama.app/Contents/Resources/ollama"),
        ("darwin", "home/Applications/Ollama.app/Contents/Resources/ollama"),
        ("win32", "local/Programs/Ollama/ollama.exe"),
        ("win32", "programs/Ollama/ollama.exe"),
    ],
)
def test_the_program_is_found_where_installers_put_it(
    tmp_path: Path, system: str, name: str
) -> None:
    file = put(tmp_path, name)
    environment = {
        "PATH": str(tmp_path / "nothing"),
        "HOME": str(tmp_path / "home"),
        "LOCALAPPDATA": str(tmp_path / "local"),
        "PROGRAMFILES": str(tmp_path / "programs"),
    }

    assert binary.find(environment=environment, system=system, root=tmp_path) == file


@pytest.mark.skipif(os.name != "posix", reason="rights to execute are those of POSIX")
def test_what_was_set_goes_before_the_path_and_the_path_before_the_usual_places(
    tmp_path: Path,
) -> None:
    usual, on_path = put(tmp_path, "usr/bin/ollama"), put(tmp_path, "tools/ollama")
    given = put(tmp_path, "mine/ollama-0.33")
    environment = {"PATH": str(on_path.parent), "HOME": str(tmp_path)}

    def found(given: Path | None, path: str) -> Path | None:
        around = {**environment, "PATH": path}
        return binary.find(given, environment=around, system="linux", root=tmp_path)

    assert found(given, str(on_path.parent)) == given
    assert found(None, str(on_path.parent)) == on_path
    assert found(None, "") == usual
    assert found(tmp_path / "gone", str(on_path.parent)) is None


# --- whose it is --------------------------------------------------------------------------------


def test_a_process_is_known_by_its_number_and_its_start() -> None:
    me = record.identity(os.getpid())

    assert me is not None
    assert record.lives(me)
    assert not record.lives(Identity(me.pid, me.started - 60, me.boot))
    assert not record.lives(Identity(me.pid, me.started, "another boot"))


def test_the_note_of_a_child_is_read_as_it_was_written(tmp_path: Path) -> None:
    note = Record(Identity(4711, 12.5, "boot"), 11434, "/bin/ollama", "2026-01-31T09:05:00Z")

    record.write(tmp_path, note)

    assert record.read(tmp_path) == note
    assert (tmp_path / record.FILE_NAME).stat().st_mode & 0o077 == 0
    record.remove(tmp_path)
    assert record.read(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"child": {"pid": 1}}', "\x00"])
def test_a_note_that_is_broken_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / record.FILE_NAME).write_text(text, "utf-8")

    assert record.read(tmp_path) is None
