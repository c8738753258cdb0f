"""JSON the way Go writes it, and Go's words for JSON that it cannot read."""

import json
import re
from typing import Any

Json = Any  # Any: what json.loads answers


class BadJsonError(ValueError):
    """Its text is what Go's decoder would say."""


_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_ESCAPED = re.compile("[<>&\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def go_json(value: Json) -> bytes:
    """`value` as encoding/json writes it: no spaces, HTML characters escaped, raw UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)
    return _SURROGATES.sub("\ufffd", text).encode()


def read_json(data: bytes) -> Json:
    """The first JSON value in `data`; what follows it is not looked at. Raises BadJsonError."""
    text = data.decode("utf-8", "replace")
    start = len(text) - len(text.lstrip(" \t\r\n"))
    try:
        return json.JSONDecoder(parse_constant=_no_constant).raw_decode(text, start)[0]
    except json.JSONDecodeError as err:
        raise BadJsonError(_in_go_words(text, err)) from err
    except _ConstantError as err:
        raise BadJsonError(f"invalid character '{err}' looking for beginning of value") from err


class _ConstantError(ValueError):
    """Python reads NaN and Infinity, Go does not."""


def _no_constant(name: str) -> None:
    raise _ConstantError(name[0])


_PLACES = {
    "Expecting property name enclosed in double quotes": (
        "looking for beginning of object key string"
    ),
    "Expecting ':' delimiter": "after object key",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
}


def _in_go_words(text: str, err: json.JSONDecodeError) -> str:
    rest = text[err.pos :]
    if not rest.strip() or err.msg.startswith("Unterminated string"):
        return "unexpected EOF"
    if literal := _bad_literal(rest):
        return literal
    if err.msg == "Expecting ',' delimiter":
        place = f"after {_container(text[: err.pos])}"
    else:
        place = _PLACES.get(err.msg, "looking for beginning of value")
    return f"invalid character '{rest[0]}' {place}"


def _bad_literal(rest: str) -> str | None:
    for literal in ("true", "false", "null"):
        if rest[0] != literal[0]:
            continue
        for wanted, found in zip(literal[1:], rest[1:], strict=False):
            if wanted != found:
                return f"invalid character '{found}' in literal {literal} (expecting '{wanted}')"
    return None


def _container(before: str) -> str:
    depth: list[str] = []
    for mark in re.findall(r'"(?:\\.|[^"\\])*"|[\[\]{}]', before):
        if mark in "[{":
            depth.append(mark)
        elif mark in "]}":
            depth.pop()
    return "array element" if depth and depth[-1] == "[" else "object key:value pair"


def kind(value: Json) -> str:
    """Go's name for the kind of a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    names = ((str, "string"), (list, "array"), (dict, "object"))
    return next((name for of, name in names if isinstance(value, of)), "null")


_ACCEPTS = {"string": "string", "bool": "bool", "*bool": "bool", "int": "number"}


def go_type_error(value: Json, struct: str, fields: dict[str, str]) -> str | None:
    """Go's complaint about the first field of the wrong type, else None. null fits anywhere."""
    if not isinstance(value, dict):
        return f"json: cannot unmarshal {kind(value)} into Go value of type api.{struct}"
    for name, content in value.items():
        wanted = fields.get(name)
        if wanted is None or content is None:
            continue
        accepted = _ACCEPTS.get(wanted, "array" if wanted.startswith("[]") else "object")
        if kind(content) != accepted:
            where = f"Go struct field {struct}.{name} of type {wanted}"
            return f"json: cannot unmarshal {kind(content)} into {where}"
    return None
