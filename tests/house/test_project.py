"""What the package says of itself agrees with the files beside it."""

import re
import tomllib
from typing import Any

from agent.cli import app as command_line
from tests.house.tree import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
FREE_TEXT = "MIT License"


def test_the_newest_version_of_the_changelog_is_that_of_the_package() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.MULTILINE)

    assert released[0] == PROJECT["version"]
    assert len(set(released)) == len(released)


def test_the_licence_is_named_once_and_enclosed() -> None:
    assert PROJECT["license"] == "MIT"
    assert PROJECT["license-files"] == ["LICENSE"]
    assert (ROOT / "LICENSE").read_text("utf-8").startswith(FREE_TEXT)
    # With a licence expression, classifiers of licences are not allowed (PEP 639).
    assert [one for one in PROJECT["classifiers"] if one.startswith("License")] == []


def test_classifiers_name_no_python_that_is_not_supported() -> None:
    named = [
        tuple(map(int, found[1].split(".")))
        for one in PROJECT["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", one))
    ]

    assert PROJECT["requires-python"] == ">=3.11"
    assert min(named) == (3, 11)


def test_the_commands_are_those_that_the_package_installs() -> None:
    scripts = {"orca-agent": "agent.__main__:main", "orca-hub": "hub.__main__:main"}
    assert PROJECT["scripts"] == scripts
    assert command_line.info.name == "orca-agent"


def test_every_python_gets_the_same_server() -> None:
    named = re.findall(
        r"^(quart|hypercorn|h11|werkzeug|aiosqlite|sqlalchemy)==(\S+)",
        (ROOT / "requirements.lock").read_text("utf-8"),
        re.MULTILINE,
    )

    assert len(dict(named)) == 6
    assert [name for name, _ in named] == sorted({name for name, _ in named})
