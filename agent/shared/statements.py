"""Statements that run with every question, in SQLite without the tenth of a millisecond that
SQLAlchemy takes for each: compiled once, then handed to the driver."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Insert,
    Select,
    TextualSelect,
    Update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from agent.shared.sqlite import DrivenConnection

Row = dict[str, Any]  # Any: a row's values, by the names of its columns
Values = Mapping[str, object]
Change = Callable[[Any], Any] | None  # Any: between Python's value and SQLite's


class Statement:
    """The same rows and changes as `connection.execute` with this statement. Columns of a text
    are named in the order in which it gives them."""

    def __init__(self, statement: Select[Any] | TextualSelect | Insert | Update | Delete) -> None:
        self._statement = statement
        self._forms: dict[tuple[str, ...], _Form] = {}

    async def rows(self, connection: AsyncConnection, values: Values) -> list[Row]:
        """Every row. `values` has all that the statement asks for."""
        if not isinstance(connection, DrivenConnection):
            found = await connection.execute(self._statement, dict(values))
            return [dict(row) for row in found.mappings()]
        form = self._form(connection, values)
        placed = form.placed(values)
        outcome = await connection.driver.execute_soon(form.sql, placed, many=False)
        return [form.read(row) for row in outcome.rows]

    async def first(self, connection: AsyncConnection, values: Values) -> Row | None:
        rows = await self.rows(connection, values)
        return rows[0] if rows else None

    async def run(self, connection: AsyncConnection, *several: Values) -> None:
        """Does it once for each of `several`, which have the same names. May wait until the
        commit, or until the next statement that reads."""
        if not several:
            return
        if not isinstance(connection, DrivenConnection):
            await connection.execute(self._statement, [dict(values) for values in several])
            return
        form = self._form(connection, several[0])
        placed = [form.placed(values) for values in several]
        await connection.driver.execute_soon(form.sql, placed, many=True)

    def _form(self, connection: AsyncConnection, values: Values) -> "_Form":
        names = tuple(values)
        if names not in self._forms:
            self._forms[names] = _Form(self._statement, names, connection.dialect)
        return self._forms[names]


class _Form:
    """The statement as SQLite takes it, for one set of names."""

    def __init__(
        self,
        statement: Select[Any] | TextualSelect | Insert | Update | Delete,
        names: Iterable[str],
        dialect: Dialect,
    ) -> None:
        columns: Iterable[ColumnElement[Any]] = ()
        keys: list[str] | None = list(names)
        if isinstance(statement, (Select, TextualSelect)):
            columns, keys = statement.selected_columns, None
        compiled = statement.compile(dialect=dialect, column_keys=keys)
        self.sql = str(compiled)
        self._given = dict(compiled.params)
        for column in compiled.insert_prefetch:  # what a table's default fills in
            if isinstance(column.default, ScalarElementColumnDefault):
                self._given[column.key] = column.default.arg
        self._places: list[tuple[str, Change]] = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or ()
        ]
        self._columns = [str(c.key) for c in columns]
        changes = [c.type.dialect_impl(dialect).result_processor(dialect, None) for c in columns]
        self._changes = [
            (name, change)
            for name, change in zip(self._columns, changes, strict=True)
            if change is not None
        ]

    def placed(self, values: Values) -> list[object]:
        """The values in the order of their question marks."""
        given = {**self._given, **values}
        return [change(given[name]) if change else given[name] for name, change in self._places]

    def read(self, row: tuple[Any, ...]) -> Row:
        found = dict(zip(self._columns, row, strict=True))
        for name, change in self._changes:
            found[name] = change(found[name])
        return found
