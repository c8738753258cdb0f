"""Addresses of hubs and what a browser brings, by values alone."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.team.failures import HubFailures
from agent.team.rules import (
    Pair,
    authorize_address,
    brought,
    challenge_of,
    hub_origin,
    machine_name,
    page_address,
)

NOW = datetime(2026, 1, 31, 9, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("hub.example.org", "https://hub.example.org"),
        (" https://Hub.Example.org/ ", "https://hub.example.org"),
        ("https://hub.example.org:8443", "https://hub.example.org:8443"),
        ("http://127.0.0.1:14480", "http://127.0.0.1:14480"),
        ("http://localhost:14480", "http://localhost:14480"),
        ("http://[::1]:14480", "http://[::1]:14480"),
    ],
)
def test_an_address_of_a_hub_is_its_origin(text: str, origin: str) -> None:
    assert hub_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "http://hub.example.org",
        "http://10.0.0.4:14480",
        "ftp://hub.example.org",
        "https://ada:secret@hub.example.org",
        "https://hub.example.org/api",
        "https://hub.example.org?x=1",
        "https://hub example.org",
        "https://hub.example.org:99999",
        "http://127.0.0.1.evil.example",
        "https://",
        "",
    ],
)
def test_what_is_no_address_of_a_hub_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"^The address of (the|a) hub [^@]+\.$"):
        hub_origin(text)


def test_a_browser_brings_something_to_one_address_alone() -> None:
    assert brought("GET /cb?code=a&state=b HTTP/1.1", "/cb") == {"code": "a", "state": "b"}
    assert brought("GET /favicon.ico HTTP/1.1", "/cb") is None
    assert brought("POST /cb?code=a HTTP/1.1", "/cb") is None
    assert brought("GET /cb?code=a", "/cb") is None


def test_what_a_browser_is_sent_with_holds_no_secret() -> None:
    address = authorize_address(
        "https://hub", back="http://127.0.0.1:5/cb", verifier="v" * 43, state="s", name="a pi"
    )

    assert address == (
        "https://hub/api/v1/auth/machine/authorize?response_type=code&client_id=orca-agent"
        "&redirect_uri=http%3A%2F%2F127.0.0.1%3A5%2Fcb"
        f"&code_challenge={challenge_of('v' * 43)}&code_challenge_method=S256"
        "&state=s&machine_name=a+pi"
    )
    assert machine_name(" a\x00  b\n") == "a b"
    assert machine_name("") == "computer"


def test_a_token_is_renewed_before_it_ends() -> None:
    pair = Pair("a", "r", NOW + timedelta(seconds=61))

    assert [pair.holds(NOW + timedelta(seconds=one)) for one in (0, 1)] == [True, False]


def test_the_hubs_own_sentence_says_why_it_does_not_answer() -> None:
    failures = HubFailures("https://hub.example.org/v1")
    used_up = {"message": "Your tokens of today are used up.", "code": "quota_exceeded"}
    refused = {"message": "Your team does not allow this model.", "code": "not_allowed_here"}
    said = [
        failures.from_error(used_up, 429, "qwen3"),
        failures.from_error({"message": "slow down", "code": "rate_limit_exceeded"}, 429, "qwen3"),
        failures.from_error(refused, 403, "qwen3"),
        failures.from_error({"message": "no", "code": "invalid_api_key"}, 401, "qwen3"),
        failures.down("https://hub.example.org/v1"),
    ]

    assert [(one.code, one.detail) for one in said] == [
        ("team-quota", "The hub says: Your tokens of today are used up."),
        (
            "backend-busy",
            "hub.example.org has too many requests, or is still starting. Try again in a moment.",
        ),
        ("not-allowed-here", "The hub says: Your team does not allow this model."),
        (
            "team-ended",
            "The hub does not know this machine any more. Sign in to the team again.",
        ),
        ("backend-down", "The hub at https://hub.example.org does not answer."),
    ]


@pytest.mark.parametrize(
    "address", ["https://hub.example.org/device?user_code=A", "http://127.0.0.1:14480/device"]
)
def test_a_page_of_a_hub_may_be_opened(address: str) -> None:
    assert page_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "https://",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "smb://evil.example/share",
        "-https://hub.example.org",
        "http://hub.example.org/device",
        "https://hub.example.org/a b",
        "https://hub.example.org/\n",
        "https://[::1",
        f"https://hub.example.org/{'x' * 500}",
    ],
)
def test_whatever_else_a_hub_names_is_not_opened(address: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        page_address(address)


def test_a_model_that_the_hub_does_not_list_may_be_closed_to_who_asks() -> None:
    said = HubFailures("http://127.0.0.1:14700/v1").no_model("qwen2.5-coder:7b").detail

    assert said == (
        "The hub of your team has no model called qwen2.5-coder:7b, or it is not open to your "
        "groups. Ask an Administrator."
    )
