"""Signing in with a provider."""

import pytest

from tests.hub.serving import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_page_learns_how_one_can_sign_in(hub: Served) -> None:
    async with hub.browser() as stranger:
        known = (await stranger.get("/auth/methods")).json()

    assert known == {"local": True, "oidc": None, "is_first": False}
