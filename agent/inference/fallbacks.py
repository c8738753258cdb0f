"""Why another model of a hub answers than the first one, as the hub tells it in a header."""

from collections.abc import Mapping

import orjson

HEADER = "X-Orca-Fallbacks"
MOST = 50
Fallback = Mapping[str, object]


def told(headers: Mapping[str, str]) -> tuple[Fallback, ...]:
    """Each with `model`, `provider`, `instead_of`, `code` and `reason`; none of what is no such
    list, whoever sent it."""
    try:
        said = orjson.loads(headers.get(HEADER, "[]"))
    except orjson.JSONDecodeError:
        return ()
    listed = said if isinstance(said, list) else []
    return tuple(found for one in listed[:MOST] if (found := _read(one)))


def _read(said: object) -> Fallback | None:
    if not isinstance(said, dict) or not isinstance(before := said.get("instead_of"), dict):
        return None
    words = {name: said.get(name) for name in ("model", "provider", "code", "reason")}
    instead_of = {name: before.get(name) for name in ("model", "provider")}
    if not all(isinstance(one, str) for one in (*words.values(), *instead_of.values())):
        return None
    return {**words, "instead_of": instead_of}
