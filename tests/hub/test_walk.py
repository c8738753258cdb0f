"""Who may do what: every route of the hub, asked by everybody."""

import httpx
import pytest

from tests.hub.serving import Served
from tests.hub.walking import Step, walk

pytestmark = pytest.mark.asyncio(loop_scope="module")
# Whoever adds a public route adds it here, and says why it may be one.
OPEN = {
    "/api/v1/health/live",
    "/api/v1/health/ready",
    "/api/v1/auth/login",
    "/api/v1/auth/first",
    "/api/v1/auth/methods",
    "/api/v1/auth/<any(okta, oidc):alias>/login",  # leads to the provider
    "/api/v1/auth/<any(okta, oidc):alias>/callback",  # what the provider signed is the proof
    "/api/v1/auth/oidc/backchannel-logout",  # so it is here
    "/api/v1/auth/refresh",
    "/api/v1/auth/machine/authorize",  # leads to a page on which one signs in
    "/api/v1/auth/machine/token",  # a code is the proof
    "/api/v1/auth/device",  # nobody is let in until somebody says so
    "/api/v1/auth/device/token",
    "/api/v1/auth/reset",
    "/api/v1/openapi.json",
    "/metrics",  # the guard wants the token of a setting
}
PAGES = ("/assets/", '/<any("first"', "/<name>")  # files that anybody may read
SIGNS_OUT = "/api/v1/auth/"  # asked last, and of people who are not needed any more


async def asked(browser: httpx.AsyncClient, hub: Served, step: Step) -> int:
    answer = await browser.request(step.method, f"{hub.url}{step.path}", json={})
    return answer.status_code


async def test_every_route_has_a_rule_and_the_public_ones_are_a_closed_list(hub: Served) -> None:
    steps = list(walk(hub.hub.app))

    assert [str(step) for step in steps if step.rule is None] == []
    public = {step.route for step in steps if step.rule and step.rule.role is None}
    pages = {route for route in public if route == "/" or route.startswith(PAGES)}
    assert public - pages - OPEN == set()


@pytest.mark.slow
async def test_every_other_route_refuses_strangers_and_some_refuse_users(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    closed = [step for step in walk(hub.hub.app) if step.rule and step.rule.role is not None]
    quiet = [step for step in closed if not step.route.startswith(SIGNS_OUT)]
    async with hub.browser() as stranger:
        nobody = {str(step): await asked(stranger, hub, step) for step in closed}
    user = {str(step): await asked(bob, hub, step) for step in quiet}

    assert quiet
    assert {name: status for name, status in nobody.items() if status != 401} == {}
    refused = {name for name, status in user.items() if status == 403}
    assert refused == {
        str(step)
        for step in quiet
        if step.rule and (step.rule.role == "administrator" or "session" not in step.rule.means)
    }
