"""A page calls every setting by a name, and tells in its own language what the setting does."""

import json
from pathlib import Path

from agent.configuration.describing import offered
from tests.house.markup import WEB


def words(language: str) -> dict[str, dict[str, str]]:
    file: Path = WEB / "lib/i18n" / language / "setting-words.json"
    read: dict[str, dict[str, str]] = json.loads(file.read_text("utf-8"))
    return read


def test_every_setting_has_a_name_for_people() -> None:
    assert set(words("en")["names"]) == {name for name, _ in offered()}


def test_what_a_setting_does_is_said_in_the_page_as_by_the_agent() -> None:
    assert words("en")["about"] == {name: field.description for name, field in offered()}
