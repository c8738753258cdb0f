"""The hub's tables as queries see them. What may be null, keys and indexes stand in the
migrations, which make the tables."""

from typing import Any

from sqlalchemy import Column, MetaData, Table

from agent.shared.tables import table_in

METADATA = MetaData()


def table(name: str, /, **columns: Column[Any]) -> Table:  # Any: of whichever type
    """A table of the hub whose columns are named by the arguments."""
    return table_in(METADATA, name, **columns)
