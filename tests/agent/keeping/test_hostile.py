"""Backups from anywhere: damaged, made up, of other versions. None of them changes anything."""

import hashlib
import json
import os
import re
import sqlite3
import struct
import tomllib
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.configuration.describing import kind_of, offered
from agent.keeping.folder import Backups
from agent.keeping.rules import is_decided_here
from agent.keeping.staging import DONE, PART, READY, stage
from agent.keeping.watching import Watch
from agent.shared.errors import OrcaError
from agent.wrong_settings import plain_names
from tests.agent.keeping.states import (
    NEW,
    NOW,
    OLD,
    SHOW,
    SLICED,
    TEXT,
    backed_up,
    folder_with,
    state_of,
)
from tests.serving import running_agent

Json = dict[str, Any]  # Any: JSON values


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return backed_up(folder_with(tmp_path_factory.mktemp("made") / "data", "new"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_with(tmp_path / "data", "old")


def refused(file: Path, folder: Path) -> OrcaError:
    """Why it is not restored; that nothing has changed is checked here."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(OrcaError) as raised:
        stage(file, folder, NOW, lambda _file: None, Watch())
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after == before
    assert not [name for name in (PART, READY, DONE) if (folder / name).exists()]
    assert str(folder) not in raised.value.detail
    return raised.value


def rebuilt(good: Path, target: Path, change: Callable[[Json, dict[str, bytes]], None]) -> Path:
    """The same backup with another list of contents, or other files."""
    with zipfile.ZipFile(good) as old:
        files = {name: old.read(name) for name in old.namelist()}
    about = json.loads(files.pop("manifest.json"))
    change(about, files)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in files.items():
            new.writestr(name, data)
        new.writestr("manifest.json", json.dumps(about))
    return target


def listed(about: Json, files: dict[str, bytes], name: str, data: bytes) -> None:
    """Puts a file in that the list agrees with."""
    files[name] = data
    about["members"][name] = {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_a_good_one_is_made_ready_and_nothing_else_has_changed(good: Path, folder: Path) -> None:
    stage(good, folder, NOW, lambda _file: None, Watch())

    assert state_of(folder) == OLD
    assert (folder / READY / "agent.db").is_file()
    assert state_of(folder / READY).titles == NEW.titles


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_one_that_is_cut_off_is_refused(
    good: Path, folder: Path, tmp_path: Path, share: float
) -> None:
    cut = tmp_path / "cut.zip"
    cut.write_bytes(good.read_bytes()[: int(good.stat().st_size * share)])

    assert refused(cut, folder).code == "bad-backup"


def test_a_byte_that_was_changed_anywhere_is_found(
    good: Path, folder: Path, tmp_path: Path
) -> None:
    whole, bent = good.read_bytes(), tmp_path / "bent.zip"
    end = whole.index(b"agent.toml") - 100  # of what the database takes
    found = []
    for place in range(200, end, end // 12):
        bent.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            stage(bent, folder, NOW, lambda _file: None, Watch())
        except OrcaError as err:
            found.append(err.code)
        else:  # a bit of the packing that nothing depends on
            assert state_of(folder / READY).titles == NEW.titles
        assert state_of(folder) == OLD

    assert set(found) == {"bad-backup"}
    assert len(found) > 8


def test_files_that_have_no_place_in_it_are_refused(
    good: Path, folder: Path, tmp_path: Path
) -> None:
    names = ("../../escaped", "token", "secrets.json", "/etc/passwd", "agent.db-wal", "a/b.py")
    codes = []
    for number, name in enumerate(names):
        bad = tmp_path / f"{number}.zip"
        rebuilt(good, bad, lambda about, files, name=name: listed(about, files, name, b"x"))  # type: ignore[misc] # the default is a name
        codes.append(refused(bad, folder).code)

    assert codes == ["bad-backup"] * len(names)
    assert not (tmp_path / "escaped").exists()


def test_what_is_not_listed_or_listed_wrongly_is_refused(
    good: Path, folder: Path, tmp_path: Path
) -> None:
    def unlisted(_about: Json, files: dict[str, bytes]) -> None:
        files["agent.toml.bak"] = b"x"

    def lacking(about: Json, files: dict[str, bytes]) -> None:
        del files["agent.toml"]

    def lying(about: Json, files: dict[str, bytes]) -> None:
        files["agent.toml"] = b"y" * len(files["agent.toml"])

    def smaller(about: Json, files: dict[str, bytes]) -> None:
        about["members"]["agent.toml"]["size_bytes"] += 1

    changes = (unlisted, lacking, lying, smaller)
    codes = [
        refused(rebuilt(good, tmp_path / f"{one.__name__}.zip", one), folder).code
        for one in changes
    ]

    assert codes == ["bad-backup"] * len(changes)


def test_a_file_that_stands_twice_in_it_is_refused(
    good: Path, folder: Path, tmp_path: Path
) -> None:
    twice = tmp_path / "twice.zip"
    twice.write_bytes(good.read_bytes())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(twice, "a") as opened:
        opened.writestr("agent.toml", "port = 1")

    assert "twice" in refused(twice, folder).detail


def test_a_bomb_is_refused_before_it_is_unpacked(good: Path, folder: Path, tmp_path: Path) -> None:
    bomb, petabyte = tmp_path / "bomb.zip", 1 << 50
    rebuilt(good, bomb, lambda about, files: listed(about, files, "agent.toml", b"x" * 1000))
    whole = bytearray(bomb.read_bytes())
    at = whole.index(b"PK\x01\x02")
    (count,) = struct.unpack_from("<H", whole, len(whole) - 22 + 10)
    huge = tmp_path / "huge.zip"
    whole[-22 + 12 : -22 + 16] = struct.pack("<I", 1 << 31)
    huge.write_bytes(whole)

    def vast(about: Json, _files: dict[str, bytes]) -> None:
        about["members"]["agent.db"]["size_bytes"] = petabyte

    codes = [refused(file, folder).code for file in (huge, rebuilt(good, bomb, vast))]

    assert (at > 0, count > 1) == (True, True)
    assert codes == ["bad-backup", "bad-backup"]


def _database(tmp_path: Path, *statements: str) -> bytes:
    file = tmp_path / f"{os.urandom(4).hex()}.db"
    with closing(sqlite3.connect(file)) as opened, opened:
        for statement in statements:
            opened.execute(statement)
    return file.read_bytes()


def test_a_database_that_is_not_ours_is_refused(good: Path, folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(good) as opened:
        ours = opened.read("agent.db")
    (tmp_path / "ours.db").write_bytes(ours)
    with closing(sqlite3.connect(tmp_path / "ours.db")) as changed, changed:
        changed.execute(
            "CREATE TRIGGER evil AFTER INSERT ON token BEGIN DELETE FROM conversation; END"
        )
    version = "CREATE TABLE alembic_version (version_num TEXT)"
    databases = {
        "bad-backup: no database": b"no database at all" * 100,
        "bad-backup: of another program": _database(tmp_path, "CREATE TABLE bookmarks (url)"),
        "bad-backup: with a trigger": (tmp_path / "ours.db").read_bytes(),
        "newer-backup: of a later version": _database(
            tmp_path, version, "INSERT INTO alembic_version VALUES ('9999')"
        ),
        "bad-backup: a version and nothing else": _database(
            tmp_path, version, "INSERT INTO alembic_version VALUES ('0009')"
        ),
        "bad-backup: with a page that is broken": ours[:8192] + b"\xff" * 4096 + ours[12288:],
    }
    found = []
    for number, (name, data) in enumerate(databases.items()):
        bad = tmp_path / f"db{number}.zip"
        rebuilt(good, bad, lambda about, files, data=data: listed(about, files, "agent.db", data))  # type: ignore[misc] # the default is bytes
        found.append(f"{refused(bad, folder).code}: {name.partition(': ')[2]}")

    assert found == list(databases)


def test_rows_that_lead_out_of_the_folder_are_refused(
    good: Path, folder: Path, tmp_path: Path
) -> None:
    picture = SHOW.replace("?", "'./../token'", 1).replace("?", "1", 1).replace("?", f"'{TEXT}'")
    sliced = SLICED.replace("?", "'../../victim'", 1).replace("?", f"'{TEXT}'")
    codes = []
    for number, statement in enumerate((picture, sliced)):
        with zipfile.ZipFile(good) as opened:
            (tmp_path / "bent.db").write_bytes(opened.read("agent.db"))
        with closing(sqlite3.connect(tmp_path / "bent.db")) as bent, bent:
            bent.execute(statement)
        data = (tmp_path / "bent.db").read_bytes()
        bad = tmp_path / f"rows{number}.zip"
        rebuilt(good, bad, lambda about, files, data=data: listed(about, files, "agent.db", data))  # type: ignore[misc] # the default is bytes
        codes.append(refused(bad, folder).code)

    assert codes == ["bad-backup", "bad-backup"]


async def test_rows_that_lead_out_of_the_folder_lead_nowhere(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "data", "old")
    (tmp_path / "victim.gcode").write_text("G28")
    (folder / "token.secret").write_text("canary")
    with closing(sqlite3.connect(folder / "agent.db")) as opened, opened:
        opened.execute(SHOW, ("./../token.secret", 1, TEXT, TEXT))
        opened.execute(SLICED, ("../../victim", "v.gcode", TEXT))
    backup = backed_up(folder, files=True)
    async with running_agent(folder) as served:
        wanted = {"items": ["images", "slicer_files"]}
        cleaned = await served.client.post("/api/v1/storage/clean", json=wanted)

    with zipfile.ZipFile(backup) as archive:
        assert not [name for name in archive.namelist() if ".." in name]
    assert Backups(folder).find(backup.name).manifest is not None
    assert cleaned.status_code == 200
    assert (tmp_path / "victim.gcode").exists()
    assert (folder / "token.secret").exists()


def test_settings_that_would_stop_the_agent_are_left_out(good: Path, folder: Path) -> None:
    stage(good, folder, NOW, lambda _file: "There is no setting called x.", Watch())

    note = json.loads((folder / READY / "restore.json").read_text())["note"]
    assert note == "The settings of the backup were left out: There is no setting called x."
    assert not (folder / READY / "agent.toml").exists()


EVIL = b"""# theirs
answer_tokens = 2048
ollama_binary = "/tmp/evil"
OLLAMA_HOST = "http://evil.example:11434"
cloud = true
"""


@pytest.mark.slow
async def test_a_backup_from_elsewhere_starts_no_program_and_sends_nothing_out(
    good: Path, tmp_path: Path
) -> None:
    folder = folder_with(tmp_path / "data", "old")
    ours = 'ollama_binary = "/usr/bin/ollama"\ncloud = false\n'
    (folder / "agent.toml").write_text(ours)
    bad = tmp_path / "evil.zip"
    rebuilt(good, bad, lambda about, files: listed(about, files, "agent.toml", EVIL))
    async with running_agent(folder) as served:
        sent = await served.client.post("/api/v1/backups", content=bad.read_bytes())
        name = sent.json()["name"]
        run = (await served.client.post(f"/api/v1/backups/{name}/restore")).json()
        await served.client.get(f"/api/v1/runs/{run['id']}/events")
    async with running_agent(folder) as served:
        last = (await served.client.get("/api/v1/backups")).json()["last_restore"]

    assert tomllib.loads((folder / "agent.toml").read_text()) == {
        "answer_tokens": 2048,
        "ollama_binary": "/usr/bin/ollama",
        "cloud": False,
    }
    assert (last["name"], last["problem"]) == (name, None)
    assert "OLLAMA_HOST, cloud, ollama_binary" in last["note"]


def test_settings_of_a_backup_that_was_made_here_come_back_whole(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "data", "old")
    (folder / "agent.toml").write_bytes(EVIL)
    backup = backed_up(folder)
    (folder / "agent.toml").write_text("")

    stage(backup, folder, NOW, lambda _file: None, Watch())

    assert (folder / READY / "agent.toml").read_bytes() == EVIL


def test_every_setting_that_is_a_path_or_an_address_is_decided_here() -> None:
    words = re.compile(r"\b(address|addresses|folders|http|url)\b", re.IGNORECASE)
    told = {
        name
        for name, field in offered()
        if kind_of(field) == "path" or words.search(field.description or "")
    }
    aliases = {alias for _, field in offered() for alias in plain_names(field)}

    assert {name for name in told if not is_decided_here(name)} == set()
    assert {one for one in aliases if is_decided_here(one)} == {
        "OLLAMA_HOST",
        "OLLAMA_URL",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    }
