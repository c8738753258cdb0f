"""SCIM, in the words in which Okta, Entra and others speak it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from hub.identity.service import NewAccount
from hub.users.store import Accounts
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.serving import http

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
Json = dict[str, Any]  # Any: JSON
MEDIA = "application/scim+json"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def okta(hub: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A provider with a token that ada has made for it."""
    ada = await hub.signed_in("ada")
    token = (await ada.post("/scim-tokens", json={"name": "Okta"})).json()["token"]
    async with provider(hub, token) as client:
        yield client


def provider(hub: Served, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": MEDIA}
    return http(base_url=f"{hub.url}/scim/v2", headers=headers)


def person(name: str, **more: Any) -> Json:  # Any: JSON
    """As Okta creates somebody."""
    return {
        "schemas": [USER],
        "userName": name,
        "name": {"givenName": "Ida", "familyName": "Berg"},
        "emails": [{"primary": True, "value": name, "type": "work"}],
        "displayName": "Ida Berg",
        "locale": "en-US",
        "externalId": f"00u-{name}",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
        **more,
    }


def operations(*them: Json) -> Json:
    return {"schemas": [PATCH], "Operations": list(them)}


async def added(okta: httpx.AsyncClient, name: str, **more: Any) -> Json:  # Any: JSON
    answer = await okta.post("/Users", json=person(name, **more))
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def told(answer: httpx.Response) -> tuple[int, str | None]:
    said = answer.json()
    assert said["schemas"] == [ERROR]
    assert said["status"] == str(answer.status_code)
    assert answer.headers["Content-Type"] == MEDIA
    return answer.status_code, said.get("scimType")


async def test_somebody_is_made_found_by_name_and_is_there_once(
    hub: Served, okta: httpx.AsyncClient
) -> None:
    none = await okta.get("/Users", params={"filter": 'userName eq "Ida@Example.org"'})
    made = await okta.post("/Users", json=person("Ida@Example.org"))
    again = await okta.post("/Users", json=person("ida@example.ORG"))
    asked = {"filter": 'userName eq "IDA@example.org"', "startIndex": "1", "count": "100"}
    found = (await okta.get("/Users", params=asked)).json()
    external = (
        await okta.get("/Users", params={"filter": 'externalId eq "00u-Ida@Example.org"'})
    ).json()

    shown = made.json()
    assert none.json()["totalResults"] == 0
    assert shown == {
        "schemas": [USER],
        "id": shown["id"],
        "userName": "ida@example.org",
        "displayName": "Ida Berg",
        "name": {"givenName": "Ida", "familyName": "Berg", "formatted": "Ida Berg"},
        "active": True,
        "groups": [],
        "meta": {
            "resourceType": "User",
            "created": shown["meta"]["created"],
            "lastModified": shown["meta"]["created"],
            "location": f"{hub.url}/scim/v2/Users/{shown['id']}",
            "version": made.headers["ETag"],
        },
        "emails": [{"value": "Ida@Example.org", "type": "work", "primary": True}],
        "externalId": "00u-Ida@Example.org",
    }
    assert (made.status_code, made.headers["Location"]) == (201, shown["meta"]["location"])
    assert told(again) == (409, "uniqueness")
    assert found["Resources"] == external["Resources"] == [shown]
    assert (found["totalResults"], found["startIndex"], found["itemsPerPage"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ({"op": "replace", "value": {"active": False}}, "okta@example.org"),
        ({"op": "Replace", "path": "active", "value": "False"}, "entra@example.org"),
        ({"op": "replace", "path": f"{USER}:active", "value": False}, "urn@example.org"),
    ],
    ids=["okta", "entra", "with its schema"],
)
async def test_who_is_switched_off_is_out_at_once_by_every_way_in(
    hub: Served, okta: httpx.AsyncClient, operation: Json, name: str
) -> None:
    made = await added(okta, name)
    await reset(hub, name)
    browser = await hub.signed_in(name)
    key = (await browser.post("/keys", json={"name": "k", "scopes": ["usage"]})).json()
    asked = {"username": name, "password": PASSWORD}
    async with httpx.AsyncClient(base_url=f"{hub.url}/api/v1") as program:
        pair = (await program.post("/auth/login", json=asked)).json()
        bearer = {"Authorization": f"Bearer {pair['access_token']}"}
        before = [await browser.get("/users/me"), await program.get("/users/me", headers=bearer)]
        off = await okta.patch(f"/Users/{made['id']}", json=operations(operation))
        after = [await browser.get("/users/me"), await program.get("/users/me", headers=bearer)]
        on = await okta.patch(
            f"/Users/{made['id']}", json=operations({"op": "replace", "value": {"active": True}})
        )
        later = await program.get("/users/me", headers=bearer)
        renewed = await program.post("/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    ada = await hub.signed_in("ada")
    keys = (await ada.get("/keys", params={"all": "true"})).json()["items"]

    assert [one.status_code for one in before] == [200, 200]
    assert (off.status_code, off.json()["active"]) == (200, False)
    assert [one.status_code for one in after] == [401, 401]
    assert (on.json()["active"], later.status_code, renewed.status_code) == (True, 401, 401)
    assert key["id"] not in [one["id"] for one in keys]


async def reset(hub: Served, name: str) -> None:
    """A password for somebody whom the provider made."""
    account = await hub.hub.users.named(name)
    await hub.hub.local.reset_password(account, PASSWORD, must_change=False)


async def test_a_put_says_everything_anew_and_a_patch_some_of_it(okta: httpx.AsyncClient) -> None:
    made = await added(okta, "jon@example.org")
    where = f"/Users/{made['id']}"
    put = await okta.put(
        where,
        json=person("jon.stone@example.org", displayName="Jon Stone", id=made["id"]),
        headers={"If-Match": made["meta"]["version"]},
    )
    stale = await okta.put(where, json=person("x"), headers={"If-Match": made["meta"]["version"]})
    patched = await okta.patch(
        where,
        json=operations(
            {"op": "replace", "value": {"id": made["id"], "name.familyName": "Stein"}},
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "j@example.org"},
            {"op": "add", "path": "title", "value": "Captain"},
            {"op": "remove", "path": "externalId"},
        ),
    )
    unchanged = await okta.get(where, headers={"If-None-Match": patched.headers["ETag"]})
    parts = await okta.get(where, params={"attributes": "userName"})

    assert put.json()["displayName"] == "Jon Stone"
    assert put.headers["ETag"] != made["meta"]["version"]
    assert told(stale) == (412, None)
    shown = patched.json()
    assert (shown["userName"], shown["name"]["familyName"]) == ("jon.stone@example.org", "Stein")
    assert (shown["emails"][0]["value"], "externalId" in shown) == ("j@example.org", False)
    assert unchanged.status_code == 304
    assert parts.json() == {
        "schemas": [USER],
        "id": made["id"],
        "userName": "jon.stone@example.org",
    }


async def test_who_was_switched_off_stays_so_until_the_provider_says_otherwise(
    okta: httpx.AsyncClient,
) -> None:
    made = await added(okta, "kai@example.org")
    where, plain = f"/Users/{made['id']}", person("kai@example.org")
    unsaid = {name: value for name, value in plain.items() if name != "active"}
    still = [(await okta.put(where, json=unsaid)).json()["active"]]
    await okta.put(where, json={**plain, "active": False})
    bodies = (unsaid, {**unsaid, "active": None}, {**unsaid, "displayName": "Kai"})
    still += [(await okta.put(where, json=body)).json()["active"] for body in bodies]
    removed = await okta.patch(where, json=operations({"op": "remove", "path": "active"}))
    back = await okta.put(where, json={**plain, "active": True})

    assert still == [True, False, False, False]
    assert (removed.json()["active"], back.json()["active"]) == (False, True)


async def test_break_glass_accounts_and_the_last_administrator_are_out_of_reach(
    hub: Served, okta: httpx.AsyncClient
) -> None:
    glass = await hub.hub.local.add(
        NewAccount("glass", PASSWORD, "administrator", is_break_glass=True)
    )
    off = operations({"op": "replace", "value": {"active": False}})
    ada = await hub.hub.users.named("ada")
    answers = [
        await okta.patch(f"/Users/{glass['id']}", json=off),
        await okta.delete(f"/Users/{glass['id']}"),
    ]
    async with hub.hub.core.database.writing() as connection:
        await Accounts(connection).change(glass["id"], {"is_break_glass": False})
    await hub.hub.users.remove(glass["id"])
    answers += [
        await okta.patch(f"/Users/{ada['id']}", json=off),
        await okta.delete(f"/Users/{ada['id']}"),
    ]

    assert [told(one) for one in answers] == [(409, None)] * 4
    assert (await hub.hub.users.get(ada["id"]))["is_active"]


async def test_a_provider_makes_nobody_an_administrator(
    hub: Served, okta: httpx.AsyncClient
) -> None:
    made = await added(okta, "eve@example.org", role="administrator", roles=[{"value": "admin"}])
    await okta.patch(
        f"/Users/{made['id']}",
        json=operations(
            {"op": "add", "path": "role", "value": "administrator"},
            {"op": "replace", "value": {"is_break_glass": True, "password_hash": "x"}},
        ),
    )
    account = await hub.hub.users.named("eve@example.org")

    assert (account["role"], account["group_role"], account["is_break_glass"]) == (
        "user",
        None,
        False,
    )
    assert account["password_hash"] is None


async def test_groups_are_pushed_with_their_members(hub: Served, okta: httpx.AsyncClient) -> None:
    one, two, three = [(await added(okta, f"m{n}@example.org"))["id"] for n in range(3)]
    asked = {"schemas": [GROUP], "displayName": "Makers", "members": [{"value": one}]}
    made = await okta.post("/Groups", json=asked)
    where = f"/Groups/{made.json()['id']}"

    async def members(*them: Json) -> list[str]:
        answer = await okta.patch(where, json=operations(*them))
        assert answer.status_code == 200, answer.text
        return sorted(member["value"] for member in answer.json()["members"])

    more = await members({"op": "add", "path": "members", "value": [{"value": two}]})
    fewer = await members({"op": "remove", "path": f'members[value eq "{one}"]'})
    entra = await members(
        {"op": "Add", "path": "members", "value": [{"value": one}, {"value": three}]},
        {"op": "Remove", "path": "members", "value": [{"value": two}]},
    )
    renamed = await okta.patch(
        where,
        json=operations(
            {"op": "replace", "value": {"id": made.json()["id"], "displayName": "Printers"}}
        ),
    )
    me = (await okta.get(f"/Users/{three}")).json()
    nobody = await okta.patch(
        where, json=operations({"op": "add", "path": "members", "value": [{"value": "nobody"}]})
    )
    unlisted = (await okta.get("/Groups", params={"excludedAttributes": "members"})).json()
    of_one = (await okta.get("/Groups", params={"filter": f'members eq "{one}"'})).json()
    ada = await hub.signed_in("ada")
    in_hub = (await ada.get("/groups", params={"q": "print"})).json()["items"]
    gone = await okta.delete(where)

    assert (made.status_code, told(await okta.post("/Groups", json={}))) == (
        201,
        (400, "invalidValue"),
    )
    assert (more, fewer, entra) == (sorted([one, two]), [two], sorted([one, three]))
    assert renamed.json()["displayName"] == "Printers"
    assert [group["display"] for group in me["groups"]] == ["Printers"]
    assert told(nobody) == (400, "invalidValue")
    assert all("members" not in group for group in unlisted["Resources"])
    assert [group["displayName"] for group in of_one["Resources"]] == ["Printers"]
    assert [(group["name"], group["source"], group["members"]) for group in in_hub] == [
        ("Printers", "scim", sorted([one, three]))
    ]
    assert (gone.status_code, (await okta.get(where)).status_code) == (204, 404)


async def test_a_provider_has_no_say_in_the_groups_of_the_hub(
    hub: Served, okta: httpx.AsyncClient
) -> None:
    ada = await hub.signed_in("ada")
    made = (await ada.post("/groups", json={"name": "Chiefs", "role": "administrator"})).json()
    eve = (await added(okta, "eve2@example.org"))["id"]
    asked = {"displayName": "chiefs", "members": [{"value": eve}]}
    answers = [
        await okta.post("/Groups", json=asked),
        await okta.put(f"/Groups/{made['id']}", json=asked),
        await okta.patch(
            f"/Groups/{made['id']}",
            json=operations({"op": "add", "path": "members", "value": [{"value": eve}]}),
        ),
        await okta.delete(f"/Groups/{made['id']}"),
    ]
    group = (await ada.get(f"/groups/{made['id']}")).json()

    assert [told(one) for one in answers] == [(409, "uniqueness"), *[(409, None)] * 3]
    assert (group["name"], group["members"]) == ("Chiefs", [])


async def test_what_cannot_be_read_is_refused_in_the_words_of_scim(
    hub: Served, okta: httpx.AsyncClient
) -> None:
    made = await added(okta, "kim@example.org")
    where = f"/Users/{made['id']}"
    deep = "(" * 50 + 'userName eq "a"' + ")" * 50
    filters = ["userName", 'userName is "a"', "userName eq a b", 'password eq "a"', deep, '"']
    answers = [await okta.get("/Users", params={"filter": one}) for one in filters]
    bodies: list[Any] = [{}, {"userName": 5}, {"userName": "a" * 300}, {"userName": "<>"}, [1]]
    bodies += [person("x\0y"), person("lee", active="maybe"), person("lee", emails=[5])]
    answers_of_bodies = [await okta.post("/Users", json=one) for one in bodies]
    patches: list[Json] = [
        {},
        operations(),
        operations({"op": "move", "path": "active"}),
        operations({"op": "replace", "path": "id", "value": "x"}),
        operations({"op": "replace", "path": "a[b", "value": "x"}),
        operations({"op": "remove"}),
        operations({"op": "remove", "path": "userName"}),
    ]
    answers_of_patches = [await okta.patch(where, json=one) for one in patches]
    broken = await okta.post("/Users", content=b"{")
    plain = await okta.post("/Users", content=b"{}", headers={"Content-Type": "text/plain"})
    quoted = await okta.get("/Users", params={"filter": 'userName eq "\' OR 1=1 --"'})

    assert [told(one) for one in answers] == [(400, "invalidFilter")] * 6
    assert [told(one)[0] for one in answers_of_bodies] == [400] * len(bodies)
    assert [told(one)[0] for one in answers_of_patches] == [400] * len(patches)
    assert (told(broken), told(plain)) == ((400, "invalidSyntax"), (415, None))
    assert quoted.json()["totalResults"] == 0
    assert (await okta.get(where)).json() == made


async def test_lists_come_in_pages(okta: httpx.AsyncClient) -> None:
    for number in range(3):
        await added(okta, f"page{number}@example.org")
    asked = {"filter": 'userName sw "page" and not (userName co "1@") or active eq false'}
    whole = (await okta.get("/Users", params=asked)).json()
    second = (await okta.get("/Users", params={**asked, "startIndex": "2", "count": "1"})).json()
    counted = (await okta.get("/Users", params={"count": "0"})).json()

    assert [one["userName"] for one in whole["Resources"]] == [
        "page0@example.org",
        "page2@example.org",
    ]
    assert second["Resources"] == whole["Resources"][1:]
    assert (second["totalResults"], second["startIndex"], second["itemsPerPage"]) == (2, 2, 1)
    assert (counted["Resources"], counted["totalResults"] >= 5) == ([], True)


async def test_the_hub_says_what_of_scim_it_can_do(okta: httpx.AsyncClient) -> None:
    configuration = (await okta.get("/ServiceProviderConfig")).json()
    kinds = (await okta.get("/ResourceTypes")).json()["Resources"]
    schemas = (await okta.get("/Schemas")).json()["Resources"]

    assert [configuration[name]["supported"] for name in ("patch", "bulk", "filter", "etag")] == [
        True,
        False,
        True,
        True,
    ]
    assert [(one["id"], one["endpoint"]) for one in kinds] == [
        ("User", "/Users"),
        ("Group", "/Groups"),
    ]
    assert [one["id"] for one in schemas] == [USER, GROUP]
    assert (await okta.get(f"/Schemas/{USER}")).json() == schemas[0]


async def test_a_token_opens_scim_alone_and_is_refused_once_it_is_removed(hub: Served) -> None:
    ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
    made = (await ada.post("/scim-tokens", json={"name": "Second"})).json()
    async with provider(hub, made["token"]) as other, provider(hub, "ohs_guessed") as guesser:
        lets_in = await other.get("/Users", params={"count": "1"})
        elsewhere = await other.get(f"{hub.url}/api/v1/users")
        guessed = await guesser.get("/Users")
        session = await bob.get(f"{hub.url}/scim/v2/Users")
        listed = (await ada.get("/scim-tokens")).json()["items"]
        await ada.delete(f"/scim-tokens/{made['id']}")
        removed = await other.get("/Users")

    assert (lets_in.status_code, elsewhere.status_code) == (200, 403)
    assert (told(guessed), told(session), told(removed)) == ((401, None), (403, None), (401, None))
    assert made["token"] not in str(listed)


async def test_a_token_may_stand_in_the_settings(tmp_path: Path) -> None:
    token = f"ohs_{'0123456789' * 4}"
    async with (
        running_hub(tmp_path, environment={"ORCA_HUB_SCIM_TOKEN": token}) as served,
        provider(served, token) as okta,
        provider(served, f"{token}1") as other,
    ):
        answers = [(await one.get("/Users")).status_code for one in (okta, other)]

    assert answers == [200, 401]
