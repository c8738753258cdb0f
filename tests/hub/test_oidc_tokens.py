"""What is tried with tokens that a provider did not make so."""

import base64
import hmac
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.fakes.oidc.provider import Claims, key, signed
from tests.hub.oidc import Trusting, trusting_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")
Forge = Callable[[Claims], str]


@pytest.fixture(autouse=True)
def another_day(oidc: Trusting) -> None:
    """On which nothing holds that the provider said in the test before."""
    oidc.clock.passes(hours=25)


async def refused(oidc: Trusting) -> str:
    """Why an ID token was not believed."""
    async with oidc.hub.browser() as browser:
        answer = await oidc.finish(browser)
        nobody = await browser.get("/users/me")
    problem = answer.json()
    assert (answer.status_code, nobody.status_code) == (403, 401)
    assert problem["type"] == "urn:orca:problem:bad-identity"
    return str(problem["detail"].partition("believed: ")[2].removesuffix("."))


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: Claims) -> str:
    return f"{encoded({'alg': 'none', 'kid': 'first'})}.{encoded(claims)}."


def signed_with_the_public_key(claims: Claims) -> str:
    """HMAC with what everybody can read: taken for a secret by whoever lets the token choose."""
    text = f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{encoded(claims)}"
    digest = hmac.digest(key("first").as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def with_a_key_of_its_own(claims: Claims) -> str:
    stranger = key("stranger")
    return signed(claims, stranger, kid="first", jwk=stranger.as_dict(private=False))


def with_a_foreign_address(claims: Claims) -> str:
    return signed(
        claims, key("stranger"), jku="https://evil.example/keys", x5u="https://evil.example"
    )


def changed_afterwards(claims: Claims) -> str:
    head, _, signature = signed(claims, key("first")).split(".")
    return f"{head}.{encoded({**claims, 'groups': ['orca-admins']})}.{signature}"


WRONG = "its signature is wrong"
ALGORITHM = "its algorithm is not one of oidc_algorithms"
KIND = "it is a token of another kind"
FORGERIES: list[tuple[Forge, str]] = [
    (unsigned, ALGORITHM),
    (signed_with_the_public_key, ALGORITHM),
    (lambda claims: signed(claims, key("first"), alg="RS512"), ALGORITHM),
    (with_a_key_of_its_own, WRONG),
    (changed_afterwards, WRONG),
    (lambda claims: signed(claims, key("stranger"), kid="first"), WRONG),
    (with_a_foreign_address, "the provider has no such key"),
    (lambda claims: signed(claims, key("first"), kid=None), "it names no key"),
    (lambda claims: signed(claims, key("first"), kid=""), "it names no key"),
    (lambda claims: signed(claims, key("first"), typ="logout+jwt"), KIND),
    (lambda claims: signed(claims, key("first"), typ="at+jwt"), KIND),
    (lambda claims: f"{encoded({'alg': 'RS256', 'kid': 'first', 'crit': ['x'], 'x': 1})}.e30.e30",
     "it wants something that the hub does not know"),
    (lambda claims: "not.a.token", "it is no token"),
    (lambda claims: "", "it is no token"),
    (lambda claims: "a" * 300_000, "it is no token"),
    (lambda claims: f"{encoded(['RS256'])}.e30.e30", "it is no token"),
    (lambda claims: f"{encoded({'alg': ['RS256'], 'kid': 'first'})}.e30.e30", ALGORITHM),
]  # fmt: skip


async def test_a_token_that_the_provider_did_not_sign_is_not_believed(oidc: Trusting) -> None:
    reasons = []
    for forge, _ in FORGERIES:
        oidc.provider.sign = forge
        reasons.append(await refused(oidc))

    assert reasons == [reason for _, reason in FORGERIES]


async def test_a_token_that_is_not_for_this_sign_in_is_not_believed(oidc: Trusting) -> None:
    now = oidc.clock().timestamp()
    changes: list[tuple[Claims, str]] = [
        ({"iss": "https://evil.example"}, "another provider issued it"),
        ({"aud": "another-program"}, "it is not for the hub alone"),
        ({"nonce": "of another sign-in"}, "its nonce is not the one that was sent"),
        ({"nonce": None}, "its nonce is not the one that was sent"),
        ({"exp": now - 61}, "it has expired"),
        ({"sub": None}, "it names no subject"),
        ({"at_hash": "of another"}, "it belongs to another access token"),
    ]
    reasons = []
    for change, _ in changes:
        oidc.provider.change = change
        reasons.append(await refused(oidc))

    assert reasons == [reason for _, reason in changes]


@pytest.mark.slow
async def test_a_token_that_should_be_there_and_is_not_is_no_token(oidc: Trusting) -> None:
    oidc.provider.sign = lambda _: None  # type: ignore[assignment,return-value] # what is tried

    assert await refused(oidc) == "it is no token"


@pytest.mark.slow
async def test_what_was_refused_is_told_to_the_administrator(oidc: Trusting) -> None:
    oidc.provider.change = {"aud": "another-program"}
    await refused(oidc)
    ada = await oidc.ada()
    login = (await ada.get("/auth/oidc/logins")).json()["items"][0]
    entry = (await ada.get("/audit", params={"q": "(nobody)"})).json()["items"][0]

    problem = "the ID token is refused: it is not for the hub alone"
    assert (login["problem"], login["account"], entry["outcome"]) == (problem, None, "refused")


@pytest.mark.slow
async def test_other_algorithms_hold_where_they_are_set_and_no_others(tmp_path: Path) -> None:
    async with trusting_hub(tmp_path / "data", oidc_algorithms="ES256 PS256") as oidc:
        oidc.provider.keys = ["curve", "first"]
        for name, algorithm in (("curve", "ES256"), ("first", "PS256")):
            oidc.provider.sign = partial(signed, with_key=key(name), alg=algorithm)
            await oidc.sign_in("00u-alice", preferred_username="alice", groups=[])
        reasons = []
        for name, algorithm in (("first", "RS256"), ("first", "PS384")):
            oidc.provider.sign = partial(signed, with_key=key(name), alg=algorithm)
            reasons.append(await refused(oidc))
        oidc.provider.sign = partial(signed, with_key=key("first"), kid="curve", alg="PS256")
        reasons.append(await refused(oidc))

    assert reasons == [ALGORITHM, ALGORITHM, "the provider has no such key"]


# --- keys ---------------------------------------------------------------------------------------


async def test_a_key_that_the_provider_changed_is_found(oidc: Trusting) -> None:
    await oidc.sign_in("00u-alice", preferred_username="alice", groups=[])
    oidc.provider.keys = ["second", "first"]
    oidc.clock.passes(seconds=61)
    browser = await oidc.sign_in("00u-alice")

    assert (await browser.get("/users/me")).status_code == 200


async def test_a_flood_of_unknown_keys_asks_the_provider_once_a_minute(oidc: Trusting) -> None:
    await oidc.sign_in("00u-alice", preferred_username="alice", groups=[])
    oidc.clock.passes(seconds=61)
    before = oidc.provider.asked["/keys"]
    oidc.provider.sign = lambda claims: signed(claims, key("stranger"))
    for _ in range(5):
        assert await refused(oidc) == "the provider has no such key"
    flood = oidc.provider.asked["/keys"] - before
    oidc.clock.passes(seconds=61)
    await refused(oidc)

    assert (flood, oidc.provider.asked["/keys"] - before) == (1, 2)


@pytest.mark.slow
async def test_keys_are_kept_for_an_hour_and_used_for_a_day_while_they_cannot_be_had(
    oidc: Trusting,
) -> None:
    oidc.clock.passes(hours=2)
    await oidc.sign_in("00u-alice", preferred_username="alice", groups=[])
    before = oidc.provider.asked.copy()
    await oidc.sign_in("00u-alice")
    fresh = oidc.provider.asked - before
    oidc.clock.passes(hours=3)
    oidc.provider.metadata = {"jwks_uri": "http://127.0.0.1:9/keys"}
    await oidc.sign_in("00u-alice")

    assert {name for name in fresh if name.endswith(("/keys", "configuration"))} == set()


async def test_the_provider_tells_of_nobody_elses_addresses(oidc: Trusting) -> None:
    answers = []
    for metadata in (
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": None},
        {"jwks_uri": 7},
    ):
        oidc.clock.passes(hours=25)
        oidc.provider.metadata = metadata
        async with oidc.hub.browser() as browser:
            answers.append(await browser.get("/auth/okta/login"))

    assert [(one.status_code, one.json()["type"]) for one in answers] == [
        (503, "urn:orca:problem:provider-garbled")
    ] * 4


# --- the provider is away -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "seconds"), [pytest.param(503, "10", marks=pytest.mark.slow), (429, "77")]
)
async def test_while_the_provider_is_away_local_accounts_work_and_nobody_hammers_it(
    oidc: Trusting, status: int, seconds: str
) -> None:
    oidc.clock.passes(hours=25)
    oidc.provider.status, oidc.provider.headers = status, {"Retry-After": seconds}
    before = oidc.provider.asked.total()
    async with oidc.hub.browser(Accept="text/html") as browser:
        pages = [await browser.get("/auth/okta/login") for _ in range(3)]
    asked = oidc.provider.asked.total() - before
    ada = await oidc.hub.signed_in("ada")
    away = (await ada.get("/health/ready")).json()
    oidc.provider.behaves()
    oidc.clock.passes(seconds=80)
    await oidc.sign_in("00u-alice")

    assert [(one.status_code, one.headers["Retry-After"]) for one in pages] == [(503, seconds)] * 3
    assert "Okta does not answer" in pages[0].text
    assert (asked, away["parts"]["oidc"]["is_well"]) == (1, False)


@pytest.mark.slow
@pytest.mark.timeout(30)
async def test_a_provider_that_never_answers_is_waited_for_ten_seconds(oidc: Trusting) -> None:
    oidc.clock.passes(hours=25)
    oidc.provider.answers.clear()
    async with oidc.hub.browser() as browser:
        answer = await browser.get("/auth/okta/login")
    oidc.provider.answers.set()

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:orca:problem:provider-away")
