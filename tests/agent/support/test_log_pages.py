"""The log over HTTP: by page, by what is looked for, and as it goes on."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from agent.shared.logs import logging_to
from agent.support.log_lines import Entry, Tail, page
from tests.agent.talking import problem
from tests.serving import running_agent

log = logging.getLogger("agent.test")


def written(folder: Path, *messages: str, name: str = "agent.log", level: str = "info") -> None:
    folder.mkdir(exist_ok=True)
    with (folder / name).open("a", encoding="utf-8") as out:
        for number, message in enumerate(messages):
            at = f"2026-01-31T09:05:00.{number:06}Z"
            line = {"timestamp": at, "level": level, "logger": "agent", "event": message}
            out.write(json.dumps(line) + "\n")


def every(folder: Path, *, limit: int, level: str = "debug", words: str = "") -> list[str]:
    """All messages, page after page."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        some, cursor = page(folder, level=level, words=words, cursor=cursor, limit=limit)
        found += [one.message for one in some]
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 7, 500])
def test_pages_go_through_all_files_newest_first(tmp_path: Path, limit: int) -> None:
    written(tmp_path, *(f"old {number}" for number in range(20)), name="agent.log.1")
    written(tmp_path, *(f"new {number} {'ä' * 9000}" for number in range(20)))
    with (tmp_path / "agent.log").open("a") as out:
        out.write('{"half a line')

    found = [message.partition(" ä")[0] for message in every(tmp_path, limit=limit)]

    assert found == [
        *(f"new {number}" for number in reversed(range(20))),
        *(f"old {number}" for number in reversed(range(20))),
    ]


def test_a_file_that_is_turned_over_meanwhile_loses_no_line_and_shows_none_twice(
    tmp_path: Path,
) -> None:
    written(tmp_path, *(f"{number}" for number in range(10)))
    first, cursor = page(tmp_path, level="debug", words="", cursor=None, limit=4)
    (tmp_path / "agent.log").rename(tmp_path / "agent.log.1")
    written(tmp_path, "later")

    rest, _ = page(tmp_path, level="debug", words="", cursor=cursor, limit=100)

    assert [one.message for one in first + rest] == [f"{number}" for number in reversed(range(10))]


def test_levels_and_words_choose(tmp_path: Path) -> None:
    written(tmp_path, "The printer rests", level="warning")
    written(tmp_path, "The PRINTER works", "nothing")
    with (tmp_path / "agent.log").open("a") as out:
        out.write("no JSON at all token=abcdefgh\n\n")

    assert every(tmp_path, limit=9, words="printer the") == [
        "The PRINTER works",
        "The printer rests",
    ]
    assert every(tmp_path, limit=9, level="warning") == ["The printer rests"]
    assert every(tmp_path, limit=9, words="JSON") == ["no JSON at all token=[secret]"]
    assert every(tmp_path / "none", limit=9) == []


def test_a_tail_goes_on_in_the_next_file(tmp_path: Path) -> None:
    written(tmp_path, "before")
    tail = Tail(tmp_path)
    written(tmp_path, "one")
    first = tail.fresh()
    written(tmp_path, "two")
    (tmp_path / "agent.log").rename(tmp_path / "agent.log.1")
    written(tmp_path, "three")
    second = tail.fresh()
    (tmp_path / "agent.log").write_text("")
    written(tmp_path, "four")

    found = [one.message for one in [*first, *second, *tail.fresh()]]

    assert found == ["one", "two", "three", "four"]


def test_entries_have_numbers_that_grow_with_time() -> None:
    earlier, later = "2026-01-31T09:05:00.000001Z", "2026-01-31T09:05:00.000002Z"
    numbers = [Entry(at, "info", "", "").number for at in (earlier, later, "", "nonsense")]

    assert numbers[1] - numbers[0] == 1
    assert len(str(numbers[0])) == 15
    assert numbers[2:] == [0, 0]


async def test_the_log_is_read_and_followed_over_http(tmp_path: Path) -> None:
    with logging_to(tmp_path / "data" / "logs", "info"):
        async with running_agent(tmp_path / "data") as served:
            log.info("first", extra={"run_id": "r1"})
            answer = (await served.client.get("/api/v1/logs", params={"q": "first"})).json()
            bad = await served.client.get("/api/v1/logs", params={"cursor": "x"})
            query: dict[str, str | int] = {"level": "info", "lines": 1, "q": "first"}
            stream: list[dict[str, Any]] = []  # Any: JSON values
            async with (
                asyncio.timeout(20),
                served.client.stream("GET", "/api/v1/logs/stream", params=query) as response,
            ):
                ids = []
                async for line in response.aiter_lines():
                    if line.startswith("id: "):
                        ids.append(int(line[4:]))
                    if line.startswith("data: "):
                        stream.append(json.loads(line[6:]))
                        if len(stream) == 1:
                            log.info("not this one")
                            log.info("first again")
                        if len(stream) == 2:
                            break

    (item,) = answer["items"]
    assert item == {
        "timestamp": item["timestamp"],
        "level": "info",
        "logger": "agent.test",
        "message": "first",
        "details": {"run_id": "r1"},
        "exception": None,
    }
    assert problem(bad) == (400, "bad-cursor")
    assert [one["message"] for one in stream] == ["first", "first again"]
    assert ids == sorted(set(ids))
