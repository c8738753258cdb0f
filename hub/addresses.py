"""Addresses of the database and of Redis, looked at before anything connects."""

import re
from typing import Any

from agent.shared.leaving_out import leaving_out

MOST_PORT = 65535
DATABASE = re.compile(r"(postgres|postgresql)(\+asyncpg)?://")
OF_SQLALCHEMY = {"prepared_statement_cache_size"}  # what its dialect takes beside the driver's
NO_DATABASE = "it is an address such as postgresql://user:password@host:5432/name"
NO_REDIS = "it is an address such as redis://host:6379/0"


def for_asyncpg(url: str) -> str:
    """As SQLAlchemy's dialect wants it."""
    return f"postgresql+asyncpg://{url.partition('://')[2]}"


def check_database(url: str) -> None:
    """Raises ValueError with a sentence, which never holds the address: there is a password."""
    if not DATABASE.match(url):
        raise ValueError("the address of the database begins with postgresql://")
    from sqlalchemy.engine import make_url  # slow import
    from sqlalchemy.exc import ArgumentError  # slow import

    try:
        read = make_url(for_asyncpg(url))
        read.get_dialect()().create_connect_args(read)
    except (ArgumentError, ValueError):  # of the port, or of several hosts
        raise ValueError(NO_DATABASE) from None
    if read.port is not None and not 0 < read.port <= MOST_PORT:
        raise ValueError(NO_DATABASE)
    if unknown := sorted(set(read.query) - _known_to_driver() - OF_SQLALCHEMY):
        raise ValueError(
            f"the driver does not know {unknown[0][:40]} behind the ?; TLS is asked for by "
            "ssl=require or ssl=verify-full"
        )


def check_redis(url: str) -> None:
    """Raises ValueError with a sentence."""
    with leaving_out("opentelemetry"):
        from redis.asyncio import ConnectionPool  # slow import

    try:
        pool: Any = ConnectionPool.from_url(url)  # Any: untyped in the library
        pool.make_connection()  # connects to nothing yet
    except (TypeError, ValueError):
        raise ValueError(NO_REDIS) from None


def _known_to_driver() -> set[str]:
    from inspect import signature

    import asyncpg  # type: ignore[import-untyped] # slow import, without types

    return set(signature(asyncpg.connect).parameters)
