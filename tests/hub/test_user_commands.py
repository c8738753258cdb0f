"""`orca-hub user`, as an operator types it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.cli import app

PASSWORD = "four words make one\n"


def run(folder: Path, *words: str, stdin: str = PASSWORD) -> Result:
    env = {"ORCA_HUB_DATA_DIR": str(folder), "COLUMNS": "200"}
    return CliRunner().invoke(app, ["user", *words], input=stdin, env=env)


def test_a_role_that_there_is_not_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    refused = run(tmp_path, "add", "ada", "--role", "king", "--password-stdin")

    assert refused.exit_code == 2
    assert "'king' is not one of 'administrator', 'user'." in refused.output
    assert "Value error" not in refused.output


@pytest.mark.slow
def test_the_list_says_where_accounts_come_from_and_when_they_were_used(tmp_path: Path) -> None:
    run(tmp_path, "add", "ada", "--role", "administrator", "--password-stdin")
    run(tmp_path, "add", "bob", "--password-stdin")
    table, listed = run(tmp_path, "list"), run(tmp_path, "list", "--json")

    assert table.output.splitlines() == [
        "NAME  ROLE           SOURCE  LAST SEEN (UTC)",
        "ada   administrator  local   never            break-glass",
        "bob   user           local   never",
    ]
    bob = json.loads(listed.output)["items"][1]
    bob.pop("id")
    assert bob == {
        "name": "bob",
        "role": "user",
        "groups": [],
        "source": "local",
        "is_active": True,
        "is_break_glass": False,
        "has_password": True,
        "has_totp": False,
        "last_login_at": None,
        "last_seen_at": None,
    }


@pytest.mark.slow
def test_a_link_is_printed_for_whom_a_password_is_to_be_chosen(tmp_path: Path) -> None:
    run(tmp_path, "add", "ada", "--role", "administrator", "--password-stdin")
    link = run(tmp_path, "reset", "ada", "--link", stdin="")
    both = run(tmp_path, "reset", "ada", "--link", "--password-stdin")

    assert link.exit_code == 0
    assert link.output.startswith("http://127.0.0.1:14480/reset#")
    assert (both.exit_code, "not both" in both.output) == (2, True)
