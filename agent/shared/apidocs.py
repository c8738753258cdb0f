"""The API's description as a page for people: markup alone, made on the server."""

from collections.abc import Callable
from html import escape
from typing import Any

Json = dict[str, Any]  # Any: whatever OpenAPI has
WhoMay = Callable[[Json], str]


def render(described: Json, address: str, who_may: WhoMay) -> str:
    """The markup of an OpenAPI document, grouped by tag. `who_may` says as markup who may call an
    operation; `address` is that of the document itself."""
    by_tag: dict[str, list[str]] = {}
    shapes = described["components"]["schemas"]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for tag in operation["tags"]:
                by_tag.setdefault(tag, []).append(
                    _operation(path, method, operation, shapes, who_may)
                )
    tags = sorted(by_tag)
    contents = "".join(f'<li><a href="#{escape(tag)}">{escape(tag)}</a></li>' for tag in tags)
    groups = "".join(
        f'<section><h2 id="{escape(tag)}">{escape(tag)}</h2>{"".join(by_tag[tag])}</section>'
        for tag in tags
    )
    return (
        f"<p>{_marked(described['info']['description'])}</p>"
        f'<p class="soft">Version {escape(described["info"]["version"])}. '
        f'For programs: <a href="{escape(address)}">openapi.json</a>.</p>'
        f'<nav aria-label="Groups"><ul>{contents}</ul></nav>{groups}'
        f"<section><h2>Shapes</h2>{_shapes(shapes)}</section>"
    )


def _operation(path: str, method: str, operation: Json, shapes: Json, who_may: WhoMay) -> str:
    text = " ".join(filter(None, (operation.get("summary"), operation.get("description"))))
    return (
        f'<article id="{escape(operation["operationId"])}">'
        f"<h3><code>{method.upper()} {escape(path)}</code></h3>"
        f'<p>{_marked(text)}</p><p class="soft">{who_may(operation)}</p>'
        f"{_parameters(operation.get('parameters', []))}{_body(operation, shapes)}"
        f"{_answers(operation)}"
        "</article>"
    )


def _parameters(parameters: list[Json]) -> str:
    rows = [
        (
            f"<code>{escape(one['name'])}</code> ({escape(one['in'])})",
            _type(one["schema"]),
            _notes(one["schema"], required=one.get("required", False))
            + _marked(one.get("description", "")),
        )
        for one in parameters
    ]
    return _table("Parameters", rows)


def _body(operation: Json, shapes: Json) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    return "".join(
        _table(f"Body: {kind}", _fields(_resolved(media["schema"], shapes)))
        for kind, media in content.items()
    )


def _resolved(schema: Json, shapes: Json) -> Json:
    named: Json = shapes.get(schema.get("$ref", "").rsplit("/", 1)[-1], schema)
    return named


def _answers(operation: Json) -> str:
    rows = []
    for status, answer in operation["responses"].items():
        content = answer.get("content", {})
        kinds = ", ".join(map(_media, content.items())) or "no body"
        rows.append((escape(str(status)), kinds, _marked(answer.get("description", ""))))
    return _table("Answers", rows)


def _media(kind_and_content: tuple[str, Json]) -> str:
    kind, content = kind_and_content
    shape = f" {_type(content['schema'])}" if "$ref" in content.get("schema", {}) else ""
    return f"<code>{escape(kind)}</code>{shape}"


def _shapes(schemas: Json) -> str:
    return "".join(
        f'<article id="shape-{escape(name)}"><h3>{escape(name)}</h3>'
        f"<p>{_marked(schema.get('description', ''))}</p>{_table('', _fields(schema))}</article>"
        for name, schema in schemas.items()
    )


def _fields(schema: Json) -> list[tuple[str, str, str]]:
    if "properties" not in schema:
        return [("", _type(schema), _notes(schema, required=False))]
    required = schema.get("required", [])
    return [
        (
            f"<code>{escape(name)}</code>",
            _type(field),
            _notes(field, required=name in required) + _marked(field.get("description", "")),
        )
        for name, field in schema["properties"].items()
    ]


def _type(schema: Json) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#shape-{name}">{name}</a>'
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(choice) for choice in choices)
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("type") or "anything"))


def _notes(schema: Json, *, required: bool) -> str:
    notes = ["required"] if required else []
    if schema.get("default") is not None:
        notes.append(f"default {schema['default']}")
    names = {"minimum": "at least", "maximum": "at most", "maxLength": "length at most"}
    notes += [f"{words} {schema[key]}" for key, words in names.items() if key in schema]
    return f'<span class="soft">{escape(", ".join(notes))}</span> ' if notes else ""


def _table(title: str, rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    heading = f"<h4>{escape(title)}</h4>" if title else ""
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"{heading}<table>{cells}</table>"


def _marked(text: str) -> str:
    """Text with `code` in it as markup; everything else is escaped."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))
