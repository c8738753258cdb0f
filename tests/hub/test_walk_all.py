"""Every route of the hub, asked by everybody who could come: what each may do, and no more."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from hub.access import Means, Rule
from hub.identity.service import NewAccount
from tests.clock import MovingClock
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.hub.walking import Step, walk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="module"),
]
SCOPES = ("ai", "conversations", "artefacts", "usage", "sync")
# Who asks these signs out, or changes how the person signs in: they have tests of their own.
OF_ONESELF = ("/api/v1/auth/", "/api/v1/machines/me")
FAILURES = (500, 501, 502)
RULED = {"not-this-way", "scope-missing", "administrators-only"}
Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a token. `role` None: nobody, who is refused everywhere."""

    token: str
    means: Means = "token"
    role: str | None = None
    scopes: tuple[str, ...] = ()

    def may(self, rule: Rule) -> bool:
        """Said once more, apart from the code that decides it."""
        if self.role is None or self.means not in rule.means:
            return False
        if self.means == "key" and rule.scope not in self.scopes:
            return False
        return rule.role == "user" or self.role == "administrator"


@dataclass(slots=True)
class Everybody:
    served: Served
    clock: MovingClock

    async def program(self, name: str) -> Json:
        """Tokens of somebody's program."""
        answer = await self.posted("/auth/login", {"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def machine(self, name: str) -> Json:
        """What a machine gets by a code that somebody types."""
        device = (await self.posted("/auth/device", {"machine_name": "bench"})).json()
        person = await self.program(name)
        headers = {"Authorization": f"Bearer {person['access_token']}"}
        asked = {"user_code": device["user_code"], "allow": True}
        allowed = await self.posted("/auth/device/approve", asked, headers)
        assert allowed.status_code == 204, allowed.text
        asked = {"device_code": device["device_code"]}
        given = await self.posted("/auth/device/token", asked)
        assert given.status_code == 200, given.text
        return dict(given.json())

    async def posted(self, path: str, body: Json, headers: Json | None = None) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"{self.served.url}/api/v1") as program:
            return await program.post(path, json=body, headers=headers)

    async def answers(self, caller: Caller) -> dict[str, tuple[int, str]]:
        """Status and code by route, of all but those that are public."""
        headers = {"Authorization": f"Bearer {caller.token}"} if caller.token else {}
        found = {}
        async with httpx.AsyncClient(base_url=self.served.url, headers=headers) as program:
            for step, _ in self.closed():
                found[str(step)] = await _asked(program, step)
        return found

    def closed(self) -> Iterator[tuple[Step, Rule]]:
        for step in walk(self.served.hub.app):
            is_closed = step.rule is not None and step.rule.role is not None
            if step.rule and is_closed and not step.route.startswith(OF_ONESELF):
                yield step, step.rule


async def _asked(program: httpx.AsyncClient, step: Step) -> tuple[int, str]:
    async with program.stream(step.method, step.path, json={}) as answer:
        if answer.status_code < 400:
            return answer.status_code, ""
        body = (await answer.aread()).decode()
    kind = answer.json().get("type", "") if body.startswith("{") else ""
    if answer.status_code == 403 and not kind:  # SCIM says no more than that
        return 403, "not-this-way"
    return answer.status_code, str(kind).rpartition(":")[2]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Everybody]:
    folder, clock = tmp_path_factory.mktemp("walk"), MovingClock()
    async with running_hub(folder, environment=environment, clock=clock) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        await served.hub.local.add(NewAccount("bob", PASSWORD))
        yield Everybody(served, clock)


async def test_everybody_may_do_what_the_rule_says_and_nothing_else(hub: Everybody) -> None:
    callers = {
        "User": Caller((await hub.program("bob"))["access_token"], "token", "user"),
        "machine": Caller((await hub.machine("bob"))["access_token"], "machine", "user"),
    }
    browser = await hub.served.signed_in("bob")
    for scope in SCOPES:
        key = (await browser.post("/keys", json={"name": scope, "scopes": [scope]})).json()["key"]
        callers[f"key for {scope}"] = Caller(key, "key", "user", (scope,))
    ada = await hub.served.signed_in("ada")
    scim = (await ada.post("/scim-tokens", json={"name": "walker"})).json()["token"]
    callers["provider"] = Caller(scim, "scim", "user")
    token = (await hub.program("ada"))["access_token"]
    callers["Administrator"] = Caller(token, "token", "administrator")  # last: it changes things
    wrong = {}
    for name, caller in callers.items():
        answers = await hub.answers(caller)
        for step, rule in hub.closed():
            status, code = answers[str(step)]
            is_let_in = status != 401 and code not in RULED
            if is_let_in != caller.may(rule) or status in FAILURES:
                wrong[f"{name}: {step}"] = (status, code)

    assert wrong == {}


async def test_nobody_gets_in_with_nothing_or_with_what_has_ended(hub: Everybody) -> None:
    machine, removed = await hub.machine("ada"), await hub.machine("ada")
    old = await hub.program("ada")
    browser = await hub.served.signed_in("ada")
    gone = await browser.delete(f"/machines/{removed['machine']['id']}")
    callers = {"nobody": "", "guessed": "oht_guessed", "unknown": "xyz_1", "none": "x"}
    callers["revoked machine"] = removed["access_token"]
    callers["refresh token"] = old["refresh_token"]
    before = await _status(hub, old["access_token"])
    answers = {name: await hub.answers(Caller(token)) for name, token in callers.items()}
    hub.clock.passes(minutes=11)
    answers["expired token"] = await hub.answers(Caller(old["access_token"]))
    answers["expired machine"] = await hub.answers(Caller(machine["access_token"]))
    let_in = {
        f"{name}: {step}": answer
        for name, steps in answers.items()
        for step, answer in steps.items()
        if answer[0] != 401
    }

    assert (gone.status_code, before) == (204, 200)
    assert let_in == {}


async def _status(hub: Everybody, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{hub.served.url}/api/v1") as program:
        return (await program.get("/users/me", headers=headers)).status_code
