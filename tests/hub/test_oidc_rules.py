"""What a provider may say, with values alone."""

from collections.abc import Callable
from typing import Any

import pytest

from hub.oidc import rules
from hub.settings import BadSettings, load

Claims = dict[str, Any]  # Any: JSON
ISSUER, CLIENT = "https://id.example", "orca-hub"
NOW = 1_700_000_000
GOOD: Claims = {"iss": ISSUER, "aud": CLIENT, "sub": "a", "nonce": "n", "iat": NOW, "exp": NOW + 60}
LOGOUT: Claims = {
    "iss": ISSUER,
    "aud": [CLIENT],
    "iat": NOW,
    "exp": NOW + 60,
    "jti": "j",
    "sid": "s",
    "events": {rules.LOGOUT_EVENT: {}},
}
TIMES: list[tuple[Claims, str | None]] = [
    ({"exp": NOW - 59}, None),
    ({"exp": NOW - 60}, "it has expired"),
    ({"exp": "later"}, "it has expired"),
    ({"exp": True}, "it has expired"),
    ({"exp": float("nan")}, "it has expired"),
    ({"exp": float("inf")}, "it has expired"),
    ({"exp": 10**400}, "it has expired"),
    ({"iat": NOW + 60}, None),
    ({"iat": NOW + 61}, "it was issued in the future"),
    ({"iat": None}, "it was issued in the future"),
    ({"nbf": NOW + 60}, None),
    ({"nbf": NOW + 61}, "it does not hold yet"),
    ({"nbf": None}, "it does not hold yet"),
    ({"aud": [CLIENT]}, None),
    ({"aud": [CLIENT, "another"]}, "it is not for the hub alone"),
    ({"aud": []}, "it is not for the hub alone"),
    ({"azp": CLIENT}, None),
    ({"azp": "another"}, "it was given to another program"),
    ({"iss": "\ud800"}, "another provider issued it"),
    ({"iss": [ISSUER]}, "another provider issued it"),
]


def reason(check: Callable[[], object]) -> str | None:
    try:
        check()
    except rules.BadToken as err:
        return str(err)
    return None


def test_times_audience_and_issuer_are_checked_to_the_second() -> None:
    said: list[Any] = []  # Any: sentences and None
    for change, _ in TIMES:
        claims = {**GOOD, **change}
        said.append(
            reason(
                lambda claims=claims: rules.check_identity(  # type: ignore[misc] # of this turn
                    claims, issuer=ISSUER, client_id=CLIENT, nonce="n", now_s=NOW
                )
            )
        )

    assert said == [expected for _, expected in TIMES]


def test_a_logout_token_is_no_id_token_and_the_other_way_round() -> None:
    changes: list[tuple[Claims, str | None]] = [
        ({}, None),
        ({"sid": None, "sub": "a"}, None),
        ({"sid": None}, "it names neither a session nor a subject"),
        ({"events": {}}, "it tells of no logout"),
        ({"events": [rules.LOGOUT_EVENT]}, "it tells of no logout"),
        ({"events": {rules.LOGOUT_EVENT: None}}, "it tells of no logout"),
        ({"nonce": "n"}, "it has a nonce, as ID tokens have"),
        ({"jti": None}, "it has no id of its own"),
        ({"exp": None}, "it has expired"),
        ({"exp": NOW - 60}, "it has expired"),
    ]
    said = []
    for change, _ in changes:
        claims = {**LOGOUT, **change}
        said.append(
            reason(
                lambda claims=claims: rules.check_logout(  # type: ignore[misc] # of this turn
                    claims, issuer=ISSUER, client_id=CLIENT, now_s=NOW
                )
            )
        )

    assert said == [expected for _, expected in changes]


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "machines",
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\u2028/evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: a=b",
        "/api/v1/auth/logout",
        "/" + "a" * 600,
    ],
)
def test_what_might_lead_elsewhere_is_no_path_of_the_hub(wanted: str) -> None:
    assert rules.local_path(wanted) == "/"


def test_paths_of_the_hub_are_kept_whole() -> None:
    wanted = ["/", "/machines", "/machines?name=a%20b#first", "/connect?to=http://127.0.0.1:9/cb"]

    assert [rules.local_path(one) for one in wanted] == wanted


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "Alice@Example.org"}, "alice@example.org"),
        ({"preferred_username": "Zoë Grün"}, "zo-gr-n"),
        ({"email": "Ann+x@example.org"}, "ann+x@example.org"),
        ({"preferred_username": "../../etc"}, "etc"),
        ({"preferred_username": {"a": 1}}, "00u-odd"),
        ({"preferred_username": "\ud800\x00"}, "00u-odd"),
        ({"preferred_username": "a" * 500}, "a" * 90),
    ],
)
def test_odd_names_become_names_that_an_account_may_have(claims: Claims, name: str) -> None:
    assert rules.name_in(claims, "00u-odd") == name


def test_a_subject_without_letters_has_a_name_all_the_same() -> None:
    assert rules.name_in({}, "§§§").startswith("person-")


@pytest.mark.parametrize(
    ("value", "found", "names"),
    [
        (["b", "a", "a"], "list", ("a", "b")),
        ([], "list", ()),
        ("a", "string", ("a",)),
        ("a, b,,c", "string", ("a", "b", "c")),
        ("", "string", ()),
        (None, "missing", ()),
        ({"orca-admins": True}, "odd", ()),
        (["fine", 7], "odd", ()),
        ([["orca-admins"]], "odd", ()),
        (["orca-\x00admins"], "odd", ()),
        (["\ud800"], "odd", ()),
        (["a" * 201], "odd", ()),
        ([f"g{n}" for n in range(1001)], "odd", ()),
        (True, "odd", ()),
        (7, "odd", ()),
    ],
)
def test_groups_are_read_in_every_form_that_providers_send(
    value: object, found: str, names: tuple[str, ...]
) -> None:
    assert rules.groups_in({"groups": value}, "groups") == rules.Brought(found, names)  # type: ignore[arg-type] # from the table


def test_the_highest_role_of_all_groups_holds() -> None:
    roles = rules.roles_of('{"chiefs": "administrator", "all": "user"}')

    said = [rules.role_for(names, roles) for names in ((), ("all",), ("all", "chiefs"), ("x",))]
    assert said == ["user", "user", "administrator", "user"]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("OIDC_ISSUER", "http://id.example", "it begins with https://, but for a provider on"),
        ("OIDC_ISSUER", "https://a@id.example", "it is an address such as"),
        ("OIDC_ISSUER", "id.example", "it is an address such as"),
        ("OIDC_GROUPS", "{", "it is JSON such as"),
        ("OIDC_GROUPS", '["orca-admins"]', "it is JSON such as"),
        ("OIDC_GROUPS", '{"orca-admins": "root"}', "it is JSON such as"),
        ("OIDC_ALGORITHMS", "none", "it is one or more of ES256"),
        ("OIDC_ALGORITHMS", "RS256 HS256", "it is one or more of ES256"),
    ],
)
def test_settings_that_cannot_hold_stop_the_start(name: str, value: str, reason: str) -> None:
    with pytest.raises(BadSettings, match=f"ORCA_HUB_{name} cannot be used: {reason}"):
        load({f"ORCA_HUB_{name}": value})


def test_a_provider_needs_the_hub_to_have_a_name_and_a_secret_there() -> None:
    with pytest.raises(BadSettings, match="ORCA_HUB_OIDC_CLIENT_ID is not"):
        load({"ORCA_HUB_OIDC_ISSUER": "https://id.example"})


def test_a_logout_token_of_an_older_provider_holds_two_minutes() -> None:
    claims = {name: value for name, value in LOGOUT.items() if name != "exp"}
    said = [
        reason(
            lambda now_s=now_s: rules.check_logout(  # type: ignore[misc] # of this turn
                claims, issuer=ISSUER, client_id=CLIENT, now_s=now_s
            )
        )
        for now_s in (NOW, NOW + 179, NOW + 180)
    ]

    assert said == [None, None, "it has expired"]
