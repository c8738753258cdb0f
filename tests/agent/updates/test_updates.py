"""Whether there is a newer version: a source that lies in every way is not believed."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.shared.clock import system_clock
from agent.updates.service import Updates, UpdateService
from tests.fakes.update_source import (
    Publisher,
    UpdateSource,
    with_foreign_key,
    with_other_number,
)
from tests.serving import Served, running_agent

NEWER = "99.1.0"
RELEASE = {
    "version": NEWER,
    "notes": "Better first layers.",
    "published": "2026-11-01T08:00:00+00:00",
    "url": "https://example.org/orca-agents",
}


@pytest.fixture
def source(tmp_path: Path) -> Iterator[UpdateSource]:
    with UpdateSource(tmp_path / "source") as source:
        yield source


@pytest.fixture
def publisher(source: UpdateSource) -> Publisher:
    publisher = Publisher(source)
    publisher.publish(NEWER)
    return publisher


async def found(tmp_path: Path, source: UpdateSource, times: int = 1) -> list[Updates]:
    """What the service says, asked this often, without a program around it."""
    updates = UpdateService(
        tmp_path / "updates",
        system_clock,
        is_on=False,
        url=source.url,
        root=source.root,
        version="0.1.0",
        patience_s=20,
    )
    return [await updates.check() for _ in range(times)]


def code_of(said: Updates) -> str:
    assert said.problem, said
    return said.problem.code


async def checked(agent: Served) -> dict[str, Any]:
    answer = await agent.client.post("/api/v1/updates/check")
    assert answer.status_code == httpx.codes.OK
    said: dict[str, Any] = answer.json()
    return said


def asking(tmp_path: Path, source: UpdateSource) -> AbstractAsyncContextManager[Served]:
    return running_agent(tmp_path / "data", update_url=source.url, update_root=source.root)


def told(said: dict[str, Any]) -> str:
    assert said["problem"], said
    return str(said["problem"]["code"])


async def test_a_newer_version_is_told_and_remembered(
    tmp_path: Path, source: UpdateSource, publisher: Publisher
) -> None:
    async with asking(tmp_path, source) as agent:
        before = (await agent.client.get("/api/v1/updates")).json()
        said = await checked(agent)
    async with asking(tmp_path, source) as agent:
        again = (await agent.client.get("/api/v1/updates")).json()

    assert (before["is_on"], before["latest"], before["checked_at"]) == (False, None, None)
    assert (said["latest"], said["problem"]) == (RELEASE, None)
    assert again == said


async def test_what_is_not_newer_is_nothing_new(
    tmp_path: Path, source: UpdateSource, publisher: Publisher
) -> None:
    publisher.publish("0.0.1")

    async with asking(tmp_path, source) as agent:
        said = await checked(agent)

    assert (said["latest"], said["problem"]) == (None, None)


async def test_nobody_is_asked_unless_that_was_wished_for(
    tmp_path: Path, source: UpdateSource, publisher: Publisher
) -> None:
    async with asking(tmp_path, source) as agent:
        await agent.client.get("/api/v1/updates")

    assert source.asked == []


async def test_without_a_source_it_says_where_to_look(tmp_path: Path) -> None:
    async with running_agent(tmp_path) as agent:
        answer = await agent.client.post("/api/v1/updates/check")

    assert (answer.status_code, answer.json()["type"]) == (
        422,
        "urn:orca:problem:no-update-source",
    )


LIES = {
    "signed by a stranger": (r"timestamp", with_foreign_key),
    "another number": (r"timestamp", with_other_number),
    "changed targets": (r"targets\.json", with_other_number),
    "a snapshot of a stranger": (r"snapshot", with_foreign_key),
    "another release than was signed": (
        r"release\.json",
        lambda content: content.replace(b"99.1.0", b"99.9.9"),
    ),
    "no JSON": (r"timestamp", lambda _content: b"<html>Welcome to the hotel</html>"),
    "nothing at all": (r"snapshot", lambda _content: b""),
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_its_owner_did_not_sign_is_not_believed(
    tmp_path: Path, source: UpdateSource, publisher: Publisher, lie: str
) -> None:
    pattern, change = LIES[lie]
    source.changes[pattern] = change

    [said] = await found(tmp_path, source)

    assert (code_of(said), said.latest) == ("update-untrusted", None)


async def test_an_older_state_of_the_source_is_refused(
    tmp_path: Path, source: UpdateSource, publisher: Publisher
) -> None:
    older = publisher.keep("older")
    publisher.publish("99.2.0")

    async with asking(tmp_path, source) as agent:
        first = await checked(agent)
        publisher.put_back(older)
        said = await checked(agent)

    assert first["latest"]["version"] == "99.2.0"
    assert (told(said), said["latest"]["version"]) == ("update-untrusted", "99.2.0")


async def test_a_new_heartbeat_over_old_contents_is_refused(
    tmp_path: Path, source: UpdateSource, publisher: Publisher
) -> None:
    old = (source.repository / "metadata" / "1.snapshot.json").read_bytes()
    publisher.publish("99.2.0")
    source.changes[r"2\.snapshot"] = lambda _content: old

    [said] = await found(tmp_path, source)

    assert code_of(said) == "update-untrusted"


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
async def test_what_has_expired_is_refused(
    tmp_path: Path, source: UpdateSource, publisher: Publisher, role: str
) -> None:
    publisher.age(role)

    [said] = await found(tmp_path, source)

    assert code_of(said) == "update-expired"
    assert said.problem
    assert "clock" in said.problem.detail


@pytest.mark.parametrize("where", [r"timestamp", r"release\.json"])
async def test_a_source_that_never_ends_is_left(
    tmp_path: Path, source: UpdateSource, publisher: Publisher, where: str
) -> None:
    source.endless = where

    [said] = await found(tmp_path, source)

    assert code_of(said) == "update-too-large"


async def test_nothing_is_followed_to_another_place(
    tmp_path: Path, source: UpdateSource, publisher: Publisher
) -> None:
    source.elsewhere = "timestamp"

    [said] = await found(tmp_path, source)

    assert code_of(said) == "update-source-away"
    assert not any("stolen" in path for path in source.asked)


async def test_a_source_that_is_gone_is_told_and_what_was_known_stays(
    tmp_path: Path, source: UpdateSource, publisher: Publisher
) -> None:
    async with asking(tmp_path, source) as agent:
        await checked(agent)
        source.elsewhere = "."
        said = await checked(agent)

    assert (told(said), said["latest"]) == ("update-source-away", RELEASE)


@pytest.mark.parametrize(
    "release",
    [
        {"version": "newest", "published": "2026-11-01T08:00:00Z"},
        {"version": NEWER, "published": "yesterday"},
        ["no", "object"],
    ],
)
async def test_a_mistake_of_the_publisher_is_told(
    tmp_path: Path, source: UpdateSource, publisher: Publisher, release: object
) -> None:
    publisher.publish_raw(release)

    [said] = await found(tmp_path, source)

    assert code_of(said) == "update-untrusted"


async def test_an_address_that_is_no_page_is_left_out(
    tmp_path: Path, source: UpdateSource, publisher: Publisher
) -> None:
    publisher.publish("99.3.0", url="javascript:alert(1)")

    [said] = await found(tmp_path, source)

    assert said.latest
    assert (said.latest.version, said.latest.url) == ("99.3.0", None)


@pytest.mark.parametrize(
    "url", ["ftp://example.org", "http://user:word@example.org", "https://example.org/?a=1", "x"]
)
def test_an_address_that_cannot_be_is_refused_at_the_start(tmp_path: Path, url: str) -> None:
    from agent.settings import BadSettings, load

    with pytest.raises(BadSettings, match="--update-url cannot be used"):
        load(data_dir=tmp_path, update_url=url)
