"""The hub on each database: SQLite always, PostgreSQL where tests may take their time."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from hub.identity.service import NewAccount
from tests.hub.oidc import Trusting, trusting_hub
from tests.hub.postgres import Postgres, binaries, postgres
from tests.hub.redis import Redis, program, redis
from tests.hub.serving import PASSWORD, Served, running_hub

NUMBERS = count()
DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)]


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    if binaries() is None and os.environ.get("CI") != "true":
        pytest.skip("There is no PostgreSQL.")
    with postgres() as one:
        yield one


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """For slow tests. Who stops it starts it again."""
    if program() is None and os.environ.get("CI") != "true":
        pytest.skip("There is no Redis.")
    with redis() as one:
        yield one


@pytest.fixture
def shared(server: Postgres, redis_server: Redis) -> dict[str, str]:
    """What the environment of every replica says: one database, one Redis, one secret key. Start
    as many as you like with `running_hub(folder, environment=shared)`."""
    return {
        "ORCA_HUB_DATABASE_URL": server.new_database(),
        "ORCA_HUB_REDIS_URL": f"{redis_server.url}{next(NUMBERS) % 64}",
        "ORCA_HUB_SECRET_KEY": secrets.token_urlsafe(48),
    }


@pytest.fixture(scope="module", params=DATABASES)
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """What the environment says of the database."""
    if request.param == "sqlite":
        return {}
    server: Postgres = request.getfixturevalue("server")
    return {"ORCA_HUB_DATABASE_URL": server.new_database()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """A running one with an Administrator ada and a User bob."""
    folder: Path = tmp_path_factory.mktemp("hub")
    async with running_hub(folder / "data", environment=environment) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        await served.hub.local.add(NewAccount("bob", PASSWORD))
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trusting(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Trusting]:
    """A running one that trusts a provider, with an Administrator ada of its own."""
    folder: Path = tmp_path_factory.mktemp("trusting")
    async with trusting_hub(folder / "data", environment) as one:
        yield one


@pytest.fixture
def oidc(trusting: Trusting) -> Trusting:
    """The same; the provider has forgotten how the test before told it to misbehave."""
    trusting.provider.behaves()
    return trusting
