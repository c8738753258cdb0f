"""Settings that an administrator fixes for every user of a computer."""

import os
import sys
from pathlib import Path

import pytest

from agent.configuration.layers import BadFile, managed_file, usual_managed_file
from agent.configuration.trusted import why_not_trusted
from agent.settings import BadSettings, load, notices
from tests.agent.program import program
from tests.serving import NOBODY, running_agent


def written(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


@pytest.fixture
def managed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "managed.toml"
    file.write_text("")
    monkeypatch.setenv("ORCA_AGENT_MANAGED_FILE", str(file))
    return file


async def test_what_it_fixes_wins_and_is_shown_as_fixed(
    tmp_path: Path, managed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(managed, 'cloud = false\nanswer_tokens = 100\nallowed_models = "qwen3"\n')
    monkeypatch.setenv("ORCA_AGENT_ANSWER_TOKENS", "200")
    data = tmp_path / "data"
    written(data / "agent.toml", "cloud = true\nanswer_tokens = 300\n")

    async with running_agent(data) as served:
        told = (await served.client.get("/api/v1/settings")).json()
        refused = await served.client.patch("/api/v1/settings", json={"cloud": True})

    fixed = {one["name"]: one for one in told["items"] if one["source"] == "managed"}
    assert {name: one["value"] for name, one in fixed.items()} == {
        "cloud": False,
        "answer_tokens": 100,
        "allowed_models": "qwen3",
    }
    assert {(one["is_fixed"], one["source_name"]) for one in fixed.values()} == {
        (True, str(managed))
    }
    assert told["managed"] == {"name": str(managed)}
    assert refused.status_code == 409
    assert refused.json()["detail"] == (
        "cloud cannot be changed here. An administrator fixes it for every user of this "
        "computer, in managed.toml."
    )


@pytest.mark.parametrize("key", ["OLLAMA_HOST", "OLLAMA_URL", "ORCA_AGENT_OLLAMA_URL"])
async def test_a_plain_name_in_it_is_shown_as_fixed_too(
    tmp_path: Path, managed: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    written(managed, f'{key} = "{NOBODY}"\nLOG_LEVEL = "warning"\n')
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:7")

    async with running_agent(tmp_path / "data") as served:
        items = (await served.client.get("/api/v1/settings")).json()["items"]

    fixed = {one["name"]: one["value"] for one in items if one["source"] == "managed"}
    assert fixed == {"ollama_url": NOBODY, "log_level": "warning"}
    assert notices(served.settings) == ["OLLAMA_HOST is not used: managed.toml fixes ollama_url."]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cloud = 7", "cloud in managed.toml must be true or false, not 7."),
        ("colour = 1", "There is no setting called colour (managed.toml)."),
        ('data_dir = "/x"', "data_dir has no place in managed.toml, which is there for every user"),
        ("cloud == 1", "managed.toml is not TOML: see line 1, column"),
        (
            'allowed_backends = "http://a:b@host"',
            "allowed_backends in managed.toml cannot be used: an address of Ollama holds no user",
        ),
    ],
)
def test_a_bad_one_is_called_by_its_name(
    tmp_path: Path, managed: Path, text: str, sentence: str
) -> None:
    managed.write_text(text)

    with pytest.raises(BadSettings) as refused:
        load(data_dir=tmp_path / "data")

    assert sentence in str(refused.value)


def test_one_that_is_named_and_not_there_is_no_leave_to_go_on(
    tmp_path: Path, managed: Path
) -> None:
    managed.unlink()

    with pytest.raises(BadSettings) as refused:
        load(data_dir=tmp_path / "data")

    assert str(refused.value) == f"ORCA_AGENT_MANAGED_FILE names no file: {managed}."


def test_what_is_set_beside_it_is_told_to_be_without_effect(
    tmp_path: Path, managed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    managed.write_text("cloud = false\n")
    monkeypatch.setenv("ORCA_AGENT_CLOUD", "true")

    settings = load(data_dir=tmp_path / "data")

    assert notices(settings) == ["ORCA_AGENT_CLOUD is not used: managed.toml fixes cloud."]


@pytest.mark.slow
def test_the_program_does_not_start_with_a_bad_one_and_doctor_says_what_is_fixed(
    tmp_path: Path, managed: Path
) -> None:
    managed.write_text("cloud = maybe")
    with program(tmp_path / "data", ORCA_AGENT_MANAGED_FILE=str(managed)) as one:
        refused = one.orca("serve")
        managed.write_text("cloud = false\n")
        doctor = one.orca("doctor")

    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "managed.toml is not TOML" in refused.stderr
    assert f"{managed} fixes cloud" in doctor.stdout
    assert "Allowed      the cloud is off" in doctor.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other places")
def test_it_lies_where_only_an_administrator_writes() -> None:
    assert usual_managed_file({}) == Path("/etc/orca-agents/managed.toml")


@pytest.mark.skipif(os.name != "posix", reason="Windows has owners of another kind")
def test_one_that_others_could_have_written_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "orca-agents"
    folder.mkdir(mode=0o755)
    file = folder / "managed.toml"
    written(file, "cloud = false\n")
    mine = os.getuid()
    link = tmp_path / "open" / "managed.toml"
    link.parent.mkdir()
    link.parent.chmod(0o777)
    link.symlink_to(file)
    file.chmod(0o644)

    told = [why_not_trusted(file, owner=mine), why_not_trusted(file, owner=mine + 1)]
    told.append(why_not_trusted(link, owner=mine))
    file.chmod(0o664)
    told.append(why_not_trusted(file, owner=mine))
    with pytest.raises(BadFile) as refused:
        managed_file({}, usual=file)

    assert told == [
        None,
        f"{folder} belongs to another user than root",
        f"{link.parent} can be written by others than root",
        f"{file} can be written by others than root",
    ]
    assert str(refused.value).startswith(f"{file} is not followed: ")
    assert managed_file({}, usual=folder / "nothing.toml") is None
