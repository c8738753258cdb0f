"""Codes, addresses and polls: what is allowed, by values alone."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.machines.rules import (
    challenge_of,
    is_loopback,
    polled,
    program_of,
    spent,
    typed,
    user_code,
)

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # of RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
AGENT = "orca-agent/1.4.0 (Linux x86_64)"
NOW = datetime(2026, 1, 31, 9, 5, tzinfo=UTC)


def test_what_a_code_and_an_address_may_be_is_decided_by_values_alone() -> None:
    good = ["http://127.0.0.1:1/cb", "http://[::1]:65535", "http://127.0.0.1:8080/a/b"]
    bad = [
        "http://localhost:8080/cb",
        "https://127.0.0.1:8080/cb",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1:80/cb?x=1",
        "http://127.0.0.1:80/cb#x",
        "http://127.0.0.1.evil.example:80/cb",
        "http://2130706433:80/cb",
        "http://127.0.0.1:80/cb\r\nX: y",
        "http://0.0.0.0:80/cb",
        "javascript:alert(1)",
    ]

    assert [is_loopback(one) for one in good] == [True] * len(good)
    assert [one for one in bad if is_loopback(one)] == []
    assert (challenge_of(VERIFIER), challenge_of("short")) == (CHALLENGE, None)
    assert typed(f" {user_code('x').lower().replace('-', ' ')} ") == typed(user_code("x"))
    assert program_of(AGENT) == ("1.4.0", "Linux x86_64")
    assert program_of("curl/8") == ("", "")


@pytest.mark.parametrize(
    ("state", "ended_s", "polled_s", "said"),
    [
        ("pending", -1, None, "pending"),
        ("pending", -1, 4, "pending"),
        ("pending", -1, 3.9, "slow"),
        ("pending", 0, None, "expired"),
        ("allowed", -1, 1, "allowed"),
        ("denied", -1, 1, "denied"),
        ("used", -1, 1, "used"),
    ],
)
def test_a_poll_is_told_how_it_stands(
    state: str, ended_s: int, polled_s: float | None, said: str
) -> None:
    polled_at = None if polled_s is None else NOW - timedelta(seconds=polled_s)

    assert polled(state, NOW - timedelta(seconds=ended_s), polled_at, 5, NOW) == said


def test_a_spent_token_is_a_lost_answer_or_a_theft() -> None:
    ago = [timedelta(seconds=s) for s in (0, 30, 31)]

    assert spent(None, NOW, successor_is_used=False) == "unknown"
    assert [spent(NOW - one, NOW, successor_is_used=False) for one in ago] == [
        "again",
        "again",
        "reused",
    ]
    assert spent(NOW, NOW, successor_is_used=True) == "reused"
