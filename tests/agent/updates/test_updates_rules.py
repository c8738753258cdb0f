"""Which version comes after which."""

from itertools import pairwise

import pytest

from agent.updates.rules import is_newer

IN_ORDER = ["0.9.9", "0.10.0a1", "0.10.0a2", "0.10.0b1", "0.10.0rc1", "0.10.0", "0.10.1", "1.0.0"]


@pytest.mark.parametrize(("older", "newer"), list(pairwise(IN_ORDER)))
def test_versions_follow_one_another(older: str, newer: str) -> None:
    assert (is_newer(newer, older), is_newer(older, newer), is_newer(newer, newer)) == (
        True,
        False,
        False,
    )


@pytest.mark.parametrize(("offered", "current"), [("1.0", "0.1.0"), ("1.0.0", "unknown")])
def test_what_is_no_version_is_never_newer(offered: str, current: str) -> None:
    assert not is_newer(offered, current)


def test_an_installation_from_a_working_copy_is_as_new_as_its_number() -> None:
    assert is_newer("0.2.0", "0.1.0.dev3+local")
