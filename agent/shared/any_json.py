"""JSON of everything that Python can say, as fast as orjson where orjson can."""

import json
from collections.abc import Callable

import orjson


def any_json(value: object, default: Callable[[object], object] | None = None) -> str:
    """Compact JSON; integers of more than 64 bits and halves of characters (of file names, say)
    are written by the standard library. `default` is of both: what stands for an unknown type."""
    try:
        return orjson.dumps(value, default).decode()
    except TypeError:
        return json.dumps(value, default=default)
