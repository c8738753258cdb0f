"""Where the next page of a list begins: opaque to clients, which hand it back as it is."""

import base64
from typing import Any

import orjson

from agent.shared.errors import Malformed


def cursor_of(*values: object) -> str:
    """Where the next page begins, as a client hands it back."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def read_cursor(cursor: str | None, types: tuple[type, ...]) -> list[Any] | None:  # Any: as told
    """The values, which are of these types. Raises Malformed for what no list has handed out."""
    if not cursor:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        values = None
    if (
        isinstance(values, list)
        and [type(value) for value in values] == list(types)
        and all(0 <= value < 1 << 63 for value in values if isinstance(value, int))
        and not any("\0" in value for value in values if isinstance(value, str))
    ):
        return values
    raise not_handed_out()


def last_of(cursor: str | None) -> str | None:
    """The id, or name, of the last thing on the page before. Raises Malformed."""
    values = read_cursor(cursor, (str,))
    return values[0] if values else None


def hits_before(cursor: str | None, search: str) -> int:
    """How many hits of a search stand on the pages before; the cursor is made of that and of the
    search. Raises Malformed for another one's."""
    count, begun = read_cursor(cursor, (int, str)) or (0, search)
    if begun != search:
        raise not_handed_out()
    return int(count)


def not_handed_out() -> Malformed:
    """What is said of a cursor that is none, or another list's."""
    return Malformed("bad-cursor", "The cursor is not one that a list has handed out.")
