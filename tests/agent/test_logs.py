"""Logs: where they go, and what never does."""

import io
import json
import logging
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from agent.shared import logs
from agent.shared.redaction import BLANK, redacted, without_secrets

CANARY = "cAnArY-0123456789_abcdefghijklmnopqrstuvwxy"  # 43 characters, like our tokens
log = logging.getLogger("agent.test")


def lines(file: Path) -> list[dict[str, Any]]:  # Any: JSON values
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    "said",
    [
        f"Authorization: Bearer {CANARY}",
        f"authorization=Basic {CANARY}",
        f"Cookie: orca_agent_14434={CANARY}; other=1",
        f"set-cookie: orca_agent_14434={CANARY}; HttpOnly",
        f"X-Api-Key: {CANARY}",
        f'{{"token": "{CANARY}"}}',
        f"password={CANARY} next",
        f"api_key: {CANARY[:20]}",
        f"GET /ui/ticket/{CANARY[:12]} 303",
        f"http://user:{CANARY[:9]}@host/",
        f"sk-{CANARY}",
        f"TOKEN={CANARY[:20]}",
        f"\u017fecret={CANARY[:20]}",  # a long s
        f"it was {CANARY}.",
    ],
)
def test_no_secret_is_left_in_a_text(said: str) -> None:
    shown = redacted(said)

    assert "cAnArY" not in shown
    assert BLANK in shown


@pytest.mark.parametrize(
    "harmless",
    [
        "GET /api/v1/runs/0197b2c4-1111-7abc-8def-0123456789ab 200",
        "image 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 stored",
        "12 tokens at 30.5 tokens/s",
        "the answer has 43 words",
    ],
)
def test_harmless_texts_stay_as_they_are(harmless: str) -> None:
    assert redacted(harmless) == harmless


def test_fields_are_blanked_by_their_name_at_any_depth() -> None:
    shown = without_secrets(
        {
            "token": "short",
            "headers": [{"Cookie": "a=b"}, {"Accept": "text/html"}],
            "settings": {"password": "x", "prompt_tokens": 12, "max_tokens": 5, "has_token": True},
        }
    )

    assert shown == {
        "token": BLANK,
        "headers": [{"Cookie": BLANK}, {"Accept": "text/html"}],
        "settings": {"password": BLANK, "prompt_tokens": 12, "max_tokens": 5, "has_token": True},
    }


def test_secrets_reach_neither_the_file_nor_the_terminal(tmp_path: Path) -> None:
    terminal = io.StringIO()
    with logs.logging_to(tmp_path, "debug", terminal=terminal) as file:
        log.warning("refused %s", CANARY, extra={"cookie": CANARY, "asked": {"api_key": CANARY}})
        try:
            int(f"Bearer {CANARY}")
        except ValueError:
            log.exception("broken by %s", f"sk-{CANARY}")

    assert "cAnArY" not in file.read_text("utf-8") + terminal.getvalue()
    assert len(lines(file)) == 2


def test_the_file_gets_json_with_the_trace_and_the_terminal_gets_one_line(tmp_path: Path) -> None:
    terminal = io.StringIO()
    with logs.logging_to(tmp_path, "info", terminal=terminal) as file:
        log.debug("too fine")
        log.info("for the file", extra={"run_id": "r1"})
        try:
            int("wrong thing")
        except ValueError:
            log.exception("it failed")

    first, second = lines(file)
    assert (first["level"], first["logger"], first["event"], first["run_id"]) == (
        "info",
        "agent.test",
        "for the file",
        "r1",
    )
    assert "ValueError: invalid literal" in second["exception"]
    assert len(terminal.getvalue().splitlines()) == 1
    assert "it failed" in terminal.getvalue()
    assert "Traceback" not in terminal.getvalue()


def test_chatty_libraries_are_kept_quiet(tmp_path: Path) -> None:
    with logs.logging_to(tmp_path, "debug", terminal=io.StringIO()) as file:
        logging.getLogger("httpx").info("HTTP Request: GET ...")
        logging.getLogger("aiosqlite").debug("executing ...")
        logging.getLogger("hypercorn.error").warning("odd")

    assert [line["event"] for line in lines(file)] == ["odd"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_the_file_and_its_older_parts_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    with logs.logging_to(folder, "info", terminal=io.StringIO()):
        handler = next(h for h in logging.getLogger().handlers if isinstance(h, logs.PrivateFile))
        handler.maxBytes = 2000
        for number in range(100):
            log.info("line %d of a log that is turned over", number)

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    names = ("agent.log", "agent.log.1", "agent.log.2", "agent.log.3", "agent.log.4")
    assert modes == dict.fromkeys(names, 0o600)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)

    with logs.logging_to(tmp_path, "debug", terminal=io.StringIO()):
        pass

    assert (list(root.handlers), root.level) == before


def test_what_json_has_no_letters_or_numbers_for_is_logged_all_the_same(tmp_path: Path) -> None:
    with logs.logging_to(tmp_path, "info", terminal=io.StringIO()) as file:
        log.info("odd", extra={"file": "half \udcff", "size": 1 << 70})

    (line,) = lines(file)
    assert (line["event"], line["file"], line["size"]) == ("odd", "half \udcff", 1 << 70)
