"""Signing in with a provider, and what it says of people afterwards."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.hub.oidc import Trusting, trusting_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_hub(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Trusting]:
    async with trusting_hub(tmp_path_factory.mktemp("oidc") / "data", environment) as trusting:
        yield trusting


@pytest.fixture
def oidc(shared_hub: Trusting) -> Trusting:
    """Whatever the test before told the provider is forgotten."""
    shared_hub.provider.behaves()
    return shared_hub


async def test_the_page_learns_how_one_can_sign_in(oidc: Trusting) -> None:
    async with oidc.hub.browser() as stranger:
        known = (await stranger.get("/auth/methods")).json()

    button = {"name": "Okta", "url": "/api/v1/auth/okta/login"}
    assert known == {"local": True, "oidc": button, "is_first": False}


async def test_somebody_new_gets_an_account_with_groups_and_role(oidc: Trusting) -> None:
    alice = await oidc.sign_in(
        "00u-alice",
        preferred_username="Alice@Example.org",
        name="Alice A.",
        email="alice@example.org",
        groups=["orca-admins", "orca-users"],
    )
    me = (await alice.get("/users/me")).json()

    assert {name: me[name] for name in ("name", "display_name", "role", "groups", "means")} == {
        "name": "alice@example.org",
        "display_name": "Alice A.",
        "role": "administrator",
        "groups": ["orca-admins", "orca-users"],
        "means": "session",
    }
