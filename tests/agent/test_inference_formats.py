"""What a format may be, and how answers are held against it."""

import time
from typing import Any

import pytest

from agent.inference.formats import Formats
from agent.inference.schemas import Fault
from agent.shared.errors import Invalid

LAYER = {
    "type": "object",
    "properties": {
        "height": {"type": "number", "minimum": 0.04},
        "name": {"type": "string", "pattern": "^[a-z]+$"},
    },
    "required": ["height"],
    "additionalProperties": False,
}
DOUBLING: dict[str, Any] = {"d0": {"type": "integer"}}  # Any: JSON schema
for number in range(1, 30):
    DOUBLING[f"d{number}"] = {"allOf": [{"$ref": f"#/$defs/d{number - 1}"}] * 2}


async def test_an_answer_that_keeps_the_schema_has_no_faults() -> None:
    layer = await Formats().read(LAYER)

    assert await layer.faults('{"height": 0.2, "name": "first"}') == []


async def test_faults_say_where_and_what() -> None:
    layer = await Formats().read(LAYER)

    told = [
        await layer.faults(answer)
        for answer in ('{"height": 0.01, "name": "A1"}', '{"speed": 3}', "[]", '{"height": 0.2')
    ]

    assert told == [
        [
            Fault("$.height", "0.01 is less than the minimum of 0.04."),
            Fault("$.name", "'A1' does not match '^[a-z]+$'."),
        ],
        [
            Fault("$", "'height' is a required property."),
            Fault("$", "Additional properties are not allowed ('speed' was unexpected)."),
        ],
        [Fault("$", "[] is not of type 'object'.")],
        [Fault("$", told[3][0].what)],
    ]
    assert told[3][0].what.startswith("This is not JSON: ")


async def test_any_json_is_json() -> None:
    plain = await Formats().read("json")

    assert [await plain.faults(text) for text in ("[1]", '"a"', "null")] == [[], [], []]
    assert [fault.where for fault in await plain.faults("```json\n{}\n```")] == ["$"]


REFUSED: list[tuple[Any, str]] = [  # Any: JSON schemas, and what is none
    ("xml", '`format` is "json" or a JSON schema, which is an object.'),
    ([], '`format` is "json" or a JSON schema, which is an object.'),
    ({"type": "text"}, "The schema is wrong at $.type: "),
    ({"$ref": "https://example.org/schema"}, "https://example.org/schema leads to nothing"),
    ({"$ref": "file:///etc/passwd"}, "file:///etc/passwd leads to nothing"),
    ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "#/$defs/b leads to nothing"),
    ({"$defs": {"a": {"$id": "https://example.org"}}}, "`$id` and anchors cannot be used inside."),
    ({"patternProperties": {"^a": {}}}, "`patternProperties` cannot be checked here."),
    ({"pattern": "(?=a)b"}, "The pattern (?=a)b cannot be used here."),
    ({"enum": ["x" * 70_000]}, "The schema is larger than the 64 KiB that fit here."),
]


@pytest.mark.parametrize(("schema", "why"), REFUSED)
async def test_a_schema_that_cannot_be_checked_is_refused_with_a_sentence(
    schema: Any,  # Any: JSON schema
    why: str,
) -> None:
    with pytest.raises(Invalid) as refused:
        await Formats().read(schema)

    assert refused.value.code == "bad-format"
    assert refused.value.detail.startswith(why)
    assert refused.value.extra["errors"] == [{"field": "format", "detail": refused.value.detail}]


@pytest.mark.parametrize("levels", [41, 260])
async def test_a_schema_that_is_nested_too_deep_is_refused(levels: int) -> None:
    schema: dict[str, Any] = {}  # Any: JSON schema
    for _ in range(levels):
        schema = {"not": schema}

    with pytest.raises(Invalid, match="nested"):
        await Formats().read(schema)


async def test_names_of_properties_may_be_words_of_schemas() -> None:
    odd = {
        "properties": {
            name: {"type": "string"} for name in ("$ref", "pattern", "patternProperties", "$id")
        },
        "enum": [{"$ref": "https://example.org"}, {"pattern": "("}],
    }

    assert await (await Formats().read(odd)).faults('{"pattern": "("}') == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"$defs": DOUBLING, "$ref": "#/$defs/d29"}, "1"),
        ({"$ref": "#"}, "1"),
        ({"pattern": "^(a+)+$"}, f'"{"a" * 5000}!"'),
        ({"uniqueItems": True}, f"[{','.join(f'[{n}]' for n in range(20_000))},[0]]"),
    ],
    ids=["doubling", "endless", "back-tracking", "all pairs"],
)
async def test_no_schema_takes_for_ever(schema: dict[str, Any], answer: str) -> None:  # Any: JSON
    hostile = await Formats().read(schema)
    began = time.monotonic()

    faults = await hostile.faults(answer)

    assert len(faults) == 1
    assert time.monotonic() - began < 30  # each of them would take days
