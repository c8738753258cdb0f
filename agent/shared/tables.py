"""The tables as queries see them: names and types of columns. Keys between tables, indexes and
what may be null stand in the migrations, which make the tables."""

from typing import Any

from sqlalchemy import Column, MetaData, Table

METADATA = MetaData()


def table(name: str, /, **columns: Column[Any]) -> Table:  # Any: of whichever type
    """A table of the agent whose columns are named by the arguments."""
    return table_in(METADATA, name, **columns)


def table_in(metadata: MetaData, name: str, /, **columns: Column[Any]) -> Table:  # Any: as above
    """The same, of another program: the hub has conversations, too."""
    for key, column in columns.items():
        column.name = column.key = key  # given to Column it would come back as a kind of its own
    return Table(name, metadata, *columns.values())
