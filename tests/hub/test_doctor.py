"""`orca-hub doctor`, and what the other commands refuse."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from hub.cli import app
from tests.hub.postgres import Postgres
from tests.hub.redis import Redis


def run(folder: Path, *words: str, stdin: str | None = None, **environment: str) -> Result:
    settings = {f"ORCA_HUB_{name.upper()}": value for name, value in environment.items()}
    env = {"ORCA_HUB_DATA_DIR": str(folder), **settings}
    return CliRunner().invoke(app, list(words), input=stdin, env=env)


def found(result: Result) -> dict[str, str]:
    return {one["name"]: one["state"] for one in json.loads(result.stdout)}


def test_a_hub_that_was_never_started_is_well(tmp_path: Path) -> None:
    result = run(tmp_path / "data", "doctor", "--json")

    assert result.exit_code == 0, result.output
    assert set(found(result).values()) == {"good"}
    assert not (tmp_path / "data").exists()


def test_a_command_that_is_refused_says_it_in_a_sentence(tmp_path: Path) -> None:
    given = "four long words here\n"
    unknown = run(tmp_path, "user", "reset", "nobody", "--password-stdin", stdin=given)

    assert (unknown.exit_code, unknown.output) == (1, "There is no account called nobody.\n")


@pytest.mark.slow
def test_what_a_new_hub_has_yet_to_get_is_told(tmp_path: Path) -> None:
    public = {"public_url": "http://hub.example.org"}
    nobody = run(tmp_path / "data", "user", "list")
    examined = run(tmp_path / "data", "doctor", "--json", **public)

    assert (nobody.exit_code, nobody.output) == (
        0,
        "There is no account yet: see the link that `orca-hub serve` prints.\n",
    )
    states = found(examined)
    assert {name: states[name] for name in ("address", "people", "providers", "redis")} == {
        "address": "warning",
        "people": "warning",
        "providers": "warning",
        "redis": "good",
    }
    assert examined.exit_code == 0
    assert "No model server is set." in examined.output


@pytest.mark.slow
def test_what_cannot_be_moved_to_is_told_in_the_words_of_the_command(tmp_path: Path) -> None:
    run(tmp_path, "migrate")
    other = run(tmp_path, "move", "--to", "mysql://hub@127.0.0.1/hub")
    away = run(tmp_path, "move", "--to", "postgresql://hub:no@127.0.0.1:9/hub")

    assert (other.exit_code, away.exit_code) == (1, 1)
    assert other.output.startswith("--to cannot be used: ")
    assert away.output.endswith(
        "The database does not answer. Look whether the server runs and lets the hub in, and at "
        "its address.\n"
    )


def test_what_is_wrong_is_named_with_its_remedy(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    (folder / "secret.key").write_text("everybody may read this one\n")
    (folder / "secret.key").chmod(0o644)
    away = "redis://127.0.0.1:9/0"
    result = run(folder, "doctor", "--json", host="0.0.0.0", redis_url=away)
    words = run(folder, "doctor", host="0.0.0.0", redis_url=away).stdout

    assert result.exit_code == 1
    states = found(result)
    assert {name: states[name] for name in ("address", "folder", "secret key", "redis")} == {
        "address": "wrong",
        "folder": "warning",
        "secret key": "wrong",
        "redis": "wrong",
    }
    assert "Put a proxy with TLS before the hub" in words


def test_settings_that_stop_the_start_are_told(tmp_path: Path) -> None:
    result = run(tmp_path, "doctor", "--json", port="many")

    assert (result.exit_code, found(result)) == (1, {"settings": "wrong"})


@pytest.mark.slow
def test_a_database_of_a_newer_version_is_told_and_left_alone(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate").exit_code == 0
    with closing(sqlite3.connect(tmp_path / "hub.db")) as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
        file.commit()
    result, refused = run(tmp_path, "doctor", "--json"), run(tmp_path, "migrate")

    assert (result.exit_code, found(result)["schema"]) == (1, "wrong")
    assert (refused.exit_code, "newer version" in refused.output) == (1, True)


@pytest.mark.slow
def test_the_schema_goes_back_where_somebody_wants_that(tmp_path: Path) -> None:
    run(tmp_path, "migrate")
    back = run(tmp_path, "migrate", "--down", "0003")
    older = run(tmp_path, "doctor", "--json")
    unknown = run(tmp_path, "migrate", "--down", "nowhere")

    assert (back.exit_code, found(older)["schema"]) == (0, "warning")
    assert (unknown.exit_code, "There is no schema nowhere" in unknown.output) == (1, True)


def test_two_hubs_do_not_share_a_file_and_plain_text_stays_here(tmp_path: Path) -> None:
    with FileLock(tmp_path / "hub.lock"):
        second = run(tmp_path, "serve", port="0")
        moved = run(tmp_path, "move", "--to", "postgresql://hub@127.0.0.1/hub")
    abroad = run(tmp_path, "serve", port="0", host="0.0.0.0")
    worker = run(tmp_path, "worker")

    assert [one.exit_code for one in (second, moved, abroad, worker)] == [1, 1, 1, 1]
    assert "A hub uses the data folder" in second.output
    assert "A hub uses the data folder" in moved.output
    assert "without TLS" in abroad.output
    assert "A worker needs" in worker.output


@pytest.mark.slow
def test_servers_that_answer_are_well_and_their_clocks_are_compared(
    server: Postgres, redis_server: Redis, tmp_path: Path
) -> None:
    where = {"database_url": server.new_database(), "redis_url": f"{redis_server.url}0"}
    before = run(tmp_path, "doctor", "--json", **where)
    run(tmp_path, "migrate", **where)
    after = run(tmp_path, "doctor", "--json", **where)
    away = {**where, "database_url": "postgresql://orca:no@127.0.0.1:9/none"}
    gone = run(tmp_path, "doctor", "--json", **away)

    assert (before.exit_code, found(before)["schema"]) == (0, "warning")
    states = found(after)
    assert (after.exit_code, states["schema"], states["time"]) == (0, "good", "good")
    assert (states["secret key"], states["redis"]) == ("warning", "good")
    assert (gone.exit_code, found(gone)["database"]) == (1, "wrong")
    assert not any("no@" in one for one in (gone.stdout, gone.stderr))
