"""No route of the whole program can be forgotten: its own URL map is walked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

from agent.shared.web import ANY_SCOPE, PUBLIC_ATTRIBUTE, SCOPE_ATTRIBUTE, SCOPES
from tests.serving import running_agent

PUBLIC = {
    ("GET", "/api/v1/health/live"),
    ("GET", "/api/v1/health/ready"),
    ("GET", "/ui"),
    ("GET", "/ui/<path:name>"),
    ("GET", "/ui/ticket/<ticket>"),
    ("POST", "/api/v1/pairing"),
}
SAMPLE = "01990000-0000-7000-8000-000000000000"


def routes_of(app: Quart) -> Iterator[tuple[str, str, Any]]:  # Any: a handler
    """Method, rule and handler of everything that has an address; HEAD goes with GET."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD"}):
            yield method, rule.rule, app.view_functions[rule.endpoint]


def filled(rule: str) -> str:
    """An address that the rule matches."""
    parts = rule.split("/")
    return "/".join(SAMPLE if part.startswith("<") else part for part in parts)


@pytest.mark.timeout(30)
async def test_the_public_routes_are_exactly_the_closed_list(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as served:
        routes = list(routes_of(served.agent.app))
        marked = {(m, rule) for m, rule, handler in routes if hasattr(handler, PUBLIC_ATTRIBUTE)}
        open_to_all = {
            (method, rule)
            for method, rule, _ in routes
            if (await served.stranger.request(method, filled(rule))).status_code != 401
        }

    assert len(routes) > 30
    assert (marked, open_to_all) == (PUBLIC, PUBLIC)


@pytest.mark.timeout(30)
async def test_no_other_method_of_any_address_is_open(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as served:
        rules = {rule for _, rule, _ in routes_of(served.agent.app)}
        known = {(method, rule) for method, rule, _ in routes_of(served.agent.app)}
        others = [
            (method, rule)
            for rule in sorted(rules)
            for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY")
            if (method, rule) not in known
        ]
        answers = {
            one: (await served.stranger.request(one[0], filled(one[1]))).status_code
            for one in others
        }

    assert answers == dict.fromkeys(others, 401)


async def test_every_other_route_says_which_scope_it_wants(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as served:
        scopes = {
            (method, rule): getattr(handler, SCOPE_ATTRIBUTE, None)
            for method, rule, handler in routes_of(served.agent.app)
            if (method, rule) not in PUBLIC
        }

    wrong = {route for route, scope in scopes.items() if scope not in (*SCOPES, ANY_SCOPE)}
    assert wrong == set()


async def test_every_route_is_described(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as served:
        routes = list(routes_of(served.agent.app))
        described = (await served.client.get("/openapi.json")).json()

    operations = [
        (method, operation)
        for methods in described["paths"].values()
        for method, operation in methods.items()
    ]
    ids = [operation["operationId"] for _, operation in operations]
    assert len(operations) == len(routes)
    assert len(set(ids)) == len(ids)
    silent = [one["operationId"] for _, one in operations if not one.get("summary")]
    unsafe = [
        one["operationId"]
        for _, one in operations
        if not one["security"] and "default" not in one["responses"]
    ]
    assert (silent, unsafe) == ([], [])
