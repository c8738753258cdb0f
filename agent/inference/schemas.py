"""JSON schemas from outside: which of them can be checked here, and the checking.

They are bounded in size and depth and point at nothing outside themselves. What checks an answer
counts its steps, so that no schema holds up the program for long."""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache, partial
from itertools import islice
from typing import Annotated, Any, NamedTuple

import orjson
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import SchemaError

SCHEMA_BYTES = 64 * 1024
SCHEMA_DEPTH = 40
MOST_STEPS = 100_000  # a second at the most, in a thread
FAULTS_TOLD = 5
TEXT_CHARACTERS = 300
NAMES_TO_SCHEMAS = ("properties", "$defs", "definitions", "dependentSchemas")
PLAIN_VALUES = ("enum", "const", "default", "examples", "required", "dependentRequired")
REFERENCES = ("$ref", "$dynamicRef")
ELSEWHERE = ("$id", "$anchor", "$dynamicAnchor")

Json = Any  # Any: JSON values
Keyword = Callable[[Any, Json, Json, Json], Any]  # Any: the library's checkers and errors
Check = Callable[[Json], list["Fault"]]

_steps_left: ContextVar[list[int]] = ContextVar("steps_left")


class Fault(NamedTuple):
    """What is wrong in an answer, and where (a JSON path, such as `$.layers[2]`)."""

    where: str
    what: str


class SchemaFaultError(Exception):
    """The schema cannot be used; the text says why."""


def depth_of(value: Json, limit: int) -> int:
    """How deep objects and lists are nested, or any number beyond `limit`."""
    level, depth = [value], 0
    while level and depth <= limit:
        depth += 1
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return depth


def check_of(schema: dict[str, Json]) -> Check:
    """What says what is wrong with a value: five things at the most, none if all is well.

    Blocks: the first schema takes a third of a second. Raises SchemaFaultError."""
    if depth_of(schema, SCHEMA_DEPTH) > SCHEMA_DEPTH:
        raise SchemaFaultError(f"The schema is nested deeper than {SCHEMA_DEPTH} levels.")
    if len(orjson.dumps(schema)) > SCHEMA_BYTES:
        raise SchemaFaultError(
            f"The schema is larger than the {SCHEMA_BYTES >> 10} KiB that fit here."
        )
    from jsonschema import Draft202012Validator, exceptions  # slow import
    from referencing import Registry  # slow import

    try:
        Draft202012Validator.check_schema(schema)
    except exceptions.SchemaError as err:
        raise SchemaFaultError(
            f"The schema is wrong at {err.json_path}: {short(err.message)}."
        ) from None
    for one in _schemas(schema):
        _check_part(one, schema)
    # An empty registry: nothing is ever fetched from elsewhere.
    return partial(_faults, _checking()(schema, registry=Registry()))


def _faults(validator: Any, value: Json) -> list[Fault]:  # Any: of the library's own making
    token = _steps_left.set([MOST_STEPS])
    try:
        return [
            Fault(str(error.json_path), f"{short(error.message)}.")
            for error in islice(validator.iter_errors(value), FAULTS_TOLD)
        ]
    except (_TooMuchError, RecursionError):
        return [Fault("$", "The answer is too large to be checked against this schema.")]
    finally:
        _steps_left.reset(token)


# --- what a schema may have -----------------------------------------------------------------------


def _schemas(schema: Json) -> Iterator[dict[str, Json]]:
    """The schema and every schema inside; what stands for plain values is passed over."""
    if isinstance(schema, list):
        for one in schema:
            yield from _schemas(one)
    if isinstance(schema, dict):
        yield schema
        for name, value in schema.items():
            if name in NAMES_TO_SCHEMAS and isinstance(value, dict):
                yield from _schemas(list(value.values()))
            elif name not in PLAIN_VALUES:
                yield from _schemas(value)


def _check_part(part: Mapping[str, Json], root: Mapping[str, Json]) -> None:
    if "patternProperties" in part:
        raise SchemaFaultError("`patternProperties` cannot be checked here. Name the properties.")
    if part is not root and any(name in part for name in ELSEWHERE):
        raise SchemaFaultError(
            "`$id` and anchors cannot be used inside. Refer to parts as #/$defs/NAME."
        )
    for name in REFERENCES:
        if name in part and not _leads_somewhere(part[name], root):
            raise SchemaFaultError(
                f"{short(str(part[name]))} leads to nothing in this schema. Only references "
                "inside it are followed, such as #/$defs/layer."
            )
    if "pattern" in part:
        _matcher(part["pattern"])


def _leads_somewhere(reference: Json, root: Mapping[str, Json]) -> bool:
    if reference == "#":
        return True
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return False
    place: Json = root
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict) and name in place:
            place = place[name]
        elif isinstance(place, list) and name.isdecimal() and int(name) < len(place):
            place = place[int(name)]
        else:
            return False
    return isinstance(place, (dict, bool))


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a text has the pattern somewhere. Python's own expressions can take years; these
    take a time in proportion to the text, and know neither look-around nor back-references."""
    try:
        adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(pattern=pattern)])
    except SchemaError:
        raise SchemaFaultError(f"The pattern {short(pattern)} cannot be used here.") from None

    def matches(text: str) -> bool:
        try:
            adapter.validate_python(text)
        except ValidationError:
            return False
        return True

    return matches


def short(text: str) -> str:
    """On one line, and not too long."""
    text = " ".join(text.split())
    return text if len(text) <= TEXT_CHARACTERS else f"{text[:TEXT_CHARACTERS]}…"


# --- the checking -------------------------------------------------------------------------------


class _TooMuchError(Exception):
    """The steps are used up."""


@cache
def _checking() -> Any:  # Any: a class of the library's own making
    """The library's checker, with steps that are counted and what could take for ever replaced."""
    from jsonschema import Draft202012Validator, validators  # slow import

    own = {"pattern": _pattern, "uniqueItems": _unique}
    keywords = {**Draft202012Validator.VALIDATORS, **own}
    counted = {name: partial(_step, keyword) for name, keyword in keywords.items()}
    return validators.extend(Draft202012Validator, counted)  # type: ignore[no-untyped-call] # theirs


def _step(keyword: Keyword, validator: Any, value: Json, instance: Json, schema: Json) -> Any:
    left = _steps_left.get()
    left[0] -= 1
    if left[0] < 0:
        raise _TooMuchError
    return keyword(validator, value, instance, schema)


def _pattern(_validator: Any, value: Json, instance: Json, _schema: Json) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError as Found  # slow import

    if isinstance(instance, str) and not _matcher(value)(instance):
        yield Found(f"{instance!r} does not match {value!r}")


def _unique(_validator: Any, value: Json, instance: Json, _schema: Json) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError as Found  # slow import

    if value and isinstance(instance, list):
        seen = {orjson.dumps(one, option=orjson.OPT_SORT_KEYS) for one in instance}
        if len(seen) < len(instance):
            yield Found("Its elements are not all different")
