"""Where keys are kept, and what is said of it."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from keyring.core import init_backend

from agent.shared.errors import Unavailable
from agent.shared.secrets import Secrets
from tests.fakes.keyrings.kept import VARIABLE

IN_FILE = "file secrets.json, readable by you alone"
NAME, SECRET = "backend 1", "sk-canary-0123456789"
CHOICE = "PYTHON_KEYRING_BACKEND"
Choose = Callable[[str], None]
posix = pytest.mark.skipif(os.name != "posix", reason="modes of files")


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the keyring `Kept`."""
    file = tmp_path / "ring.json"
    monkeypatch.setenv(VARIABLE, str(file))
    return file


@pytest.fixture
def choose(ring: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Choose]:
    """Chooses the computer's keyring, as keyring itself has it chosen."""
    usual = os.environ[CHOICE]

    def chosen(name: str) -> None:
        known = "." in name
        monkeypatch.setenv(CHOICE, name if known else f"tests.fakes.keyrings.kept.{name}")
        init_backend()

    yield chosen
    chosen(usual)


def held(ring: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(ring.read_text())
    return found


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    (tmp_path / "data").mkdir()
    return Secrets(tmp_path / "data", patience_s=0.3)


async def test_a_real_keyring_keeps_the_secret_and_no_file_does(
    tmp_path: Path, ring: Path, choose: Choose, secrets: Secrets
) -> None:
    choose("Kept")

    place = await secrets.set(NAME, SECRET)

    assert place == "keyring: kept"
    assert await secrets.get(NAME) == SECRET
    assert held(ring) == {f"orca-agent/{NAME}": SECRET}
    assert list((tmp_path / "data").iterdir()) == []
    await secrets.delete(NAME)
    await secrets.delete(NAME)
    assert await secrets.get(NAME) is None
    assert held(ring) == {}


@pytest.mark.parametrize(
    ("keyring", "why"),
    [
        ("keyring.backends.fail.Keyring", ""),
        ("keyring.backends.null.Keyring", ""),
        ("Locked", " (keyring: locked)"),
        ("Forgets", " (keyring: keeps nothing)"),
        ("Asks", " (keyring: no answer within 0.3 s)"),
        ("Plain", ""),
    ],
)
async def test_what_no_keyring_keeps_goes_into_a_file_and_that_is_said(
    tmp_path: Path,
    choose: Choose,
    secrets: Secrets,
    caplog: pytest.LogCaptureFixture,
    keyring: str,
    why: str,
) -> None:
    choose(keyring)

    place = await secrets.set(NAME, SECRET)
    await secrets.set("other", "secret")

    file = tmp_path / "data" / "secrets.json"
    assert place == f"{IN_FILE}{why}"
    assert await secrets.get(NAME) == SECRET
    assert json.loads(file.read_text()) == {NAME: SECRET, "other": "secret"}
    assert os.name != "posix" or file.stat().st_mode & 0o777 == 0o600
    await secrets.delete(NAME)
    assert json.loads(file.read_text()) == {"other": "secret"}
    assert SECRET not in caplog.text


async def test_a_secret_that_moves_into_the_keyring_leaves_the_file(
    tmp_path: Path, choose: Choose, secrets: Secrets
) -> None:
    choose("Locked")
    await secrets.set(NAME, "old")
    choose("Kept")

    place = await secrets.set(NAME, SECRET)

    assert (place, await secrets.get(NAME)) == ("keyring: kept", SECRET)
    assert json.loads((tmp_path / "data" / "secrets.json").read_text()) == {}


@pytest.mark.parametrize(
    ("keyring", "why"), [("Locked", "locked"), ("Asks", "no answer within 0.3 s")]
)
async def test_a_keyring_that_does_not_open_is_not_waited_for(
    choose: Choose, secrets: Secrets, keyring: str, why: str
) -> None:
    choose(keyring)
    began = time.monotonic()

    with pytest.raises(Unavailable) as caught:
        await secrets.get(NAME)

    assert caught.value.code == "keyring-locked"
    assert caught.value.detail == (
        f"The keyring of this computer does not give the key ({why}). Unlock it, or give the key "
        "anew."
    )
    assert await secrets.problem() == why
    assert time.monotonic() - began < 20  # the one that asks would ask for ever


@posix
async def test_a_file_that_others_could_read_is_not_believed(
    tmp_path: Path, secrets: Secrets
) -> None:
    await secrets.set(NAME, SECRET)
    (tmp_path / "data" / "secrets.json").chmod(0o644)

    with pytest.raises(Unavailable) as caught:
        await secrets.get(NAME)

    assert caught.value.code == "secrets-file"
    assert "could be read by other users" in caught.value.detail


@pytest.mark.parametrize("text", ["{", "[]"])
async def test_a_file_that_cannot_be_read_is_neither_believed_nor_replaced(
    tmp_path: Path, secrets: Secrets, text: str
) -> None:
    file = tmp_path / "data" / "secrets.json"
    file.write_text(text)
    file.chmod(0o600)

    with pytest.raises(Unavailable) as caught:
        await secrets.set(NAME, SECRET)

    assert caught.value.code == "secrets-file"
    assert file.read_text() == text
