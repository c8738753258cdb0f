"""Every route with an id, asked with the id of what belongs to somebody else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from hub.identity.service import NewAccount
from tests.hub.asking import Asked, Json, asked_hub
from tests.hub.serving import PASSWORD
from tests.hub.test_artefacts import kept
from tests.hub.test_conversations_pictures import picture, sent
from tests.hub.test_machines import connected
from tests.hub.walking import Step, walk
from tests.serving import http

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
SCOPES = ["ai", "conversations", "artefacts", "usage", "sync"]
# So that nothing but whose it is can be a reason to refuse.
BODIES: dict[str, Json] = {
    "PATCH /api/v1/conversations/<conversation_id>": {"title": "mine"},
    "POST /api/v1/conversations/<conversation_id>/messages": {"content": "mine"},
    "PATCH /api/v1/machines/<machine_id>": {"name": "mine"},
    "POST /api/v1/artefacts/<artefact_id>/versions": {"content": "mine"},
}
# What has no owner.
COMMON = ("/v1/models/", "/scim/")


@dataclass(frozen=True, slots=True)
class Owned:
    """What bob has, by what stands in addresses; eve, who has nothing, and each way she comes."""

    asked: Asked
    ids: dict[str, str]
    eve: str
    callers: dict[str, str]

    def steps(self) -> list[Step]:
        """Routes that a User may call, with something of somebody's in the address."""
        return [
            step
            for step in walk(self.asked.hub.hub.app)
            if "<" in step.route
            and step.rule is not None
            and step.rule.role == "user"
            and not step.route.startswith(COMMON)
        ]

    def address(self, step: Step) -> str:
        address = step.route
        for name, value in self.ids.items():
            address = address.replace(f"<{name}>", value)
        assert "<" not in address, f"what is bob's {address}?"
        return address

    def body(self, step: Step) -> Json | None:
        if step.route.endswith("/share") and step.method == "POST":
            return {"kind": "person", "subject": self.eve}
        return BODIES.get(str(step), {}) if step.method in ("POST", "PATCH", "PUT") else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owned(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Owned]:
    async with asked_hub(tmp_path_factory.mktemp("ids"), environment) as asked:
        made = await asked.hub.hub.local.add(NewAccount("eve", PASSWORD))
        eve = await asked.hub.signed_in("eve")
        key = await eve.post("/keys", json={"name": "all", "scopes": SCOPES})
        machine = await connected(asked.hub, eve)
        async with http(base_url=f"{asked.hub.url}/api/v1") as program:
            login = {"username": "eve", "password": PASSWORD}
            pair = (await program.post("/auth/login", json=login)).json()
        callers = {
            "program": pair["access_token"],
            "key": key.json()["key"],
            "machine": machine["access_token"],
        }
        yield Owned(asked, await things(asked), made["id"], callers)


async def things(asked: Asked) -> dict[str, str]:
    """One of everything that can be somebody's, of bob."""
    bob = asked.bob
    conversation = (await bob.post("/conversations", json={"title": "bob's"})).json()["id"]
    asked.near.misbehave(path="/api/chat", text="Dry it.")
    said = await bob.post(f"/conversations/{conversation}/messages", json={"content": "Why?"})
    assert said.status_code == 202, said.text
    artefact = await kept(bob, "bob.py", "a = 1\n")
    return {
        "conversation_id": conversation,
        "message_id": said.json()["message"]["id"],
        "run_id": said.json()["run"]["id"],
        "subject": (await bob.get("/users/me")).json()["id"],
        "artefact_id": artefact["id"],
        "set_id": artefact["set_id"],
        "key_id": (await bob.post("/keys", json={"name": "k", "scopes": ["ai"]})).json()["id"],
        "machine_id": (await connected(asked.hub, bob))["machine"]["id"],
        "session_id": (await bob.get("/auth/sessions")).json()["items"][0]["id"],
        "sha256": (await sent(bob, picture("red")))["sha256"],
    }


async def test_nobody_reaches_what_belongs_to_somebody_else_by_its_id(owned: Owned) -> None:
    wrong: dict[str, Any] = {}
    for name, token in owned.callers.items():
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=owned.asked.hub.url, headers=headers) as client:
            for step in owned.steps():
                answer = await client.request(
                    step.method, owned.address(step), json=owned.body(step)
                )
                may = step.rule is not None and name.replace("program", "token") in step.rule.means
                if answer.status_code != (404 if may else 403):
                    wrong[f"{name}: {step}"] = (answer.status_code, answer.text[:200])

    assert wrong == {}


async def test_the_owner_still_has_all_of_it(owned: Owned) -> None:
    bob, ids = owned.asked.bob, owned.ids
    reading = [
        f"/conversations/{ids['conversation_id']}/messages",
        f"/artefacts/{ids['artefact_id']}",
        f"/artefact-sets/{ids['set_id']}/download",
        f"/runs/{ids['run_id']}",
        f"/images/{ids['sha256']}",
    ]
    seen = {path: (await bob.get(path)).status_code for path in reading}
    keys = {one["id"] for one in (await bob.get("/keys")).json()["items"]}
    machines = {one["id"] for one in (await bob.get("/machines")).json()["items"]}
    title = (await bob.get(f"/conversations/{ids['conversation_id']}")).json()["title"]

    assert seen == dict.fromkeys(reading, 200)
    assert (ids["key_id"] in keys, ids["machine_id"] in machines, title) == (True, True, "bob's")


async def test_made_up_and_hostile_ids_are_nobodys(owned: Owned) -> None:
    odd = (
        "00000000-0000-0000-0000-000000000000",
        "' OR '1'='1",
        "%00",
        "x" * 3000,
    )
    headers = {"Authorization": f"Bearer {owned.callers['program']}"}
    seen: dict[str, int] = {}
    async with httpx.AsyncClient(base_url=owned.asked.hub.url, headers=headers) as client:
        for step in owned.steps():
            for one in odd:
                address = step.path.replace(
                    "nobody", str(httpx.URL("/").copy_with(path=f"/{one}"))[1:]
                )
                answer = await client.request(step.method, address, json=owned.body(step))
                if answer.status_code not in (400, 403, 404, 405, 414, 422, 431):
                    seen[f"{step} {one[:20]}"] = answer.status_code

    assert seen == {}
