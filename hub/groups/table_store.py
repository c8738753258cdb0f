"""The tables of groups and of who is in them."""

from typing import Any

from sqlalchemy import Column, String
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import table

GROUP = table(
    "person_group",
    id=Column(String, primary_key=True),
    name=Column(String),
    folded=Column(String),
    role=Column(String),
    source=Column(String),
    external_id=Column(String),
    created_at=Column(String),
    updated_at=Column(String),
)
# One row for each source that says so: none of them takes away what another one gave.
MEMBER = table(
    "group_member",
    group_id=Column(String, primary_key=True),
    account_id=Column(String, primary_key=True),
    source=Column(String, primary_key=True),
)


def inserting(connection: AsyncConnection, into: Any) -> Any:  # Any: of either dialect
    """An INSERT that knows ON CONFLICT."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgres_insert  # slow import

        return postgres_insert(into)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert  # slow import

    return sqlite_insert(into)
