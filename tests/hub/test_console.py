"""What the hub shows of itself: pages, the description of its API, and what is set."""

from pathlib import Path

import pytest

from hub.console.settings_routes import shown
from hub.guard import POLICY
from hub.settings import load
from tests.hub.serving import Served
from tests.serving import http

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_description_names_every_route_and_who_may_call_it(hub: Served) -> None:
    ada = await hub.signed_in("ada")

    described = (await ada.get("/openapi.json")).json()
    readable = await ada.get("/docs")

    operations = [one for path in described["paths"].values() for one in path.values()]
    ids = [one["operationId"] for one in operations]
    assert len(ids) > 50
    assert len(set(ids)) == len(ids)
    assert [one["operationId"] for one in operations if "security" not in one] == []
    assert [one["operationId"] for one in operations if not one.get("summary")] == []
    chosen = [
        parameter["schema"]["enum"]
        for one in operations
        for parameter in one.get("parameters", [])
        if parameter["in"] == "path" and "enum" in parameter["schema"]
    ]
    assert chosen == [sorted(names) for names in chosen]  # the same from every replica
    assert described["paths"]["/api/v1/settings"]["get"]["x-role"] == "administrator"
    assert described["paths"]["/api/v1/auth/login"]["post"]["security"] == []
    assert "Administrators, by a browser, a token." in readable.text
    assert "<script" not in readable.text


async def test_places_give_the_page_and_other_addresses_do_not(hub: Served) -> None:
    async with http(base_url=hub.url) as stranger:
        pages = [await stranger.get(path) for path in ("/", "/first", "/device", "/connect")]
        missing = [await stranger.get(path) for path in ("/nowhere", "/no.js", "/assets/../app.py")]

    assert [(page.status_code, page.headers["Content-Type"]) for page in pages] == [
        (200, "text/html; charset=utf-8")
    ] * 4
    assert len({page.text for page in pages}) == 1
    assert [page.status_code for page in missing] == [404] * 3
    assert {page.headers["X-Content-Type-Options"] for page in pages} == {"nosniff"}
    assert POLICY.startswith("default-src 'none'")


async def test_settings_say_where_they_come_from_and_never_what_is_secret(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("canary-1 of forty characters, at the least", "utf-8")
    settings = load(
        {
            "ORCA_HUB_SECRET_KEY_FILE": str(file),
            "ORCA_HUB_METRICS_TOKEN": "canary-2 of forty characters, at the least",
            "ORCA_HUB_ACCESS_MINUTES": "5",
        },
        data_dir=tmp_path,
    )

    told = {str(one["name"]): one for one in shown(settings)}

    assert "canary" not in str(told)
    found = {
        name: (told[name]["value"], told[name]["is_set"], told[name]["source"])
        for name in ("secret_key", "metrics_token", "access_minutes", "session_hours", "redis_url")
    }
    assert found == {
        "secret_key": (None, True, "file"),
        "metrics_token": (None, True, "environment"),
        "access_minutes": (5, True, "environment"),
        "session_hours": (12, True, "default"),
        "redis_url": (None, False, "default"),
    }
