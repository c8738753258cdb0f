"""What a program's API says of itself (OpenAPI 3.1), from the marks on its routes."""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from quart import Quart, Response
from quart_schema import DataSource, Info, OpenAPIProvider, QuartSchema
from quart_schema.openapi import SecuritySchemeBase
from werkzeug.routing import BaseConverter, Rule, UnicodeConverter

from agent.shared.problems import Problem
from agent.shared.web import FAILURE_ATTRIBUTE, MEDIA_ATTRIBUTE, TEXT_FAILURE_ATTRIBUTE

Json = dict[str, Any]  # Any: whatever OpenAPI has
TEXT_MEDIA = ("text/", "application/json", "application/x-ndjson", "image/svg+xml")
ANY_PROBLEM: Json = {
    "description": "A problem document.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
SENTENCE: Json = {
    "description": "A sentence for the person at the slicer.",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}


@dataclass(frozen=True, slots=True)
class About:
    """Of one program. `secure` writes into an operation who may call its handler."""

    name: str
    version: str
    description: str
    schemes: Mapping[str, SecuritySchemeBase]
    secure: Callable[[Json, Callable[..., Any]], None]


def collect(app: Quart, about: About) -> "Provider":
    """Puts together what the routes say of themselves; the caller gives it an address."""
    plain = app.make_response
    schema = QuartSchema(
        app,
        openapi_path=None,
        redoc_ui_path=None,
        scalar_ui_path=None,
        swagger_ui_path=None,
        info=Info(
            title=f"Orca Agents: {about.name}",
            version=about.version,
            description=about.description,
        ),
        security_schemes=dict(about.schemes),
        conversion_preference="pydantic",
        openapi_provider_class=Provider,
    )
    converting = app.make_response

    async def make_response(result: Any) -> Any:  # Any: as Quart has it
        # Nearly every route makes its answer itself, which leaves nothing to convert.
        return await (plain if isinstance(result, Response) else converting)(result)

    app.make_response = make_response  # type: ignore[method-assign] # as QuartSchema does
    provider = schema.openapi_provider
    assert isinstance(provider, Provider)  # noqa: S101 - the class that was asked for above
    provider.about = about
    return provider


class Provider(OpenAPIProvider):
    """Adds who may call, how errors look, other media than JSON, and names that stay."""

    about: "About"
    _whole: Json | None = None
    _named: Json | None = None

    def whole(self) -> Json:
        """The description, made at the first call: routes do not change while it runs."""
        if self._whole is None:
            self._whole = self.schema()
        return self._whole

    def schema(self) -> Json:
        described: Json = super().schema()
        described["paths"] = dict(sorted(described["paths"].items()))
        schemas = described["components"]["schemas"]
        handlers = self._app.view_functions.values()
        failures = {getattr(handler, FAILURE_ATTRIBUTE, Problem) for handler in handlers}
        for failure in failures:
            found = failure.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update({**found.pop("$defs", {}), failure.__name__: found})
        described["components"]["schemas"] = dict(sorted(schemas.items()))
        tags = {
            tag
            for path in described["paths"].values()
            for operation in path.values()
            for tag in operation["tags"]
        }
        described["tags"] = [{"name": tag} for tag in sorted(tags)]
        return described

    def build_paths(self, rule: Rule) -> tuple[Json, Json]:
        paths, components = super().build_paths(rule)
        handler = self._app.view_functions[rule.endpoint]
        area, _, name = rule.endpoint.rpartition(".")
        for path in paths.values():
            for method, shared in list(path.items()):
                operation = deepcopy(shared)  # the library shares one among the methods
                several = len(path) > 1
                operation["operationId"] = (
                    f"{area}_{method}_{name}" if several else (f"{area}_{name}")
                )
                operation.setdefault("tags", [area or self.about.name])
                self.about.secure(operation, handler)
                _add_answers(operation, handler)
                if "requestBody" in operation:
                    operation["requestBody"]["required"] = True
                path[method] = operation
        return self._apart(area, paths, components)

    def _apart(self, area: str, paths: Json, components: Json) -> tuple[Json, Json]:
        """Two shapes of one name stay two: the later one is called after its area as well."""
        if self._named is None:
            self._named = {}
        known, prefix = self._named, re.sub(r"\W|_", "", area.title())
        taken = [name for name, shape in components.items() if known.get(name, shape) != shape]
        whole = orjson.dumps([paths, components])
        for name in taken:
            old, new = f'#/components/schemas/{name}"', f'#/components/schemas/{prefix}{name}"'
            whole = whole.replace(old.encode(), new.encode())
        paths, components = orjson.loads(whole)
        shapes = {prefix + name if name in taken else name: components[name] for name in components}
        known.update(shapes)
        return paths, shapes

    def build_request_body(self, model: type[Any], source: DataSource) -> tuple[Json, Json]:
        return _by_name(*super().build_request_body(model, source))

    def build_response_object(
        self, model: type[Any], headers_model: type[Any] | None
    ) -> tuple[Json, Json]:
        return _by_name(*super().build_response_object(model, headers_model))

    def build_path_parameter(self, name: str, converter: BaseConverter) -> Json:
        parameter: Json = super().build_path_parameter(name, converter)
        schema = parameter["schema"]
        if "enum" in schema:  # of a set, which each process has in an order of its own
            schema["enum"] = sorted(schema["enum"])
        if schema == {"type": "string"}:
            if type(converter) is UnicodeConverter:
                schema["minLength"] = 1
            else:
                schema["pattern"] = f"^{converter.regex}$"
        return parameter


def _by_name(holder: Json, components: Json) -> tuple[Json, Json]:
    """Moves the shape of a body or answer among the named ones, so that clients can name it."""
    for media in holder["content"].values():
        schema = media.get("schema", {})
        if (name := schema.get("title")) and components.get(name, schema) == schema:
            components[name] = schema
            media["schema"] = {"$ref": f"#/components/schemas/{name}"}
    return holder, components


def _add_answers(operation: Json, handler: Callable[..., Any]) -> None:
    answers: Json = {str(status): answer for status, answer in operation["responses"].items()}
    media: dict[int, tuple[str, ...]] = getattr(handler, MEDIA_ATTRIBUTE, {})
    for code, answer in answers.items():
        answer["description"] = answer.get("description") or HTTPStatus(int(code)).phrase
    for status, kinds in media.items():
        answer = answers.setdefault(str(status), {"description": HTTPStatus(status).phrase})
        for kind in kinds:
            answer.setdefault("content", {})[kind] = {"schema": _media_schema(kind)}
    if not any(status < "400" for status in answers):
        answers["200"] = {"description": HTTPStatus.OK.phrase}
    default = SENTENCE if hasattr(handler, TEXT_FAILURE_ATTRIBUTE) else ANY_PROBLEM
    if failure := getattr(handler, FAILURE_ATTRIBUTE, None):
        schema = {"$ref": f"#/components/schemas/{failure.__name__}"}
        content = {"application/json": {"schema": schema}}
        default = {"description": failure.__doc__, "content": content}
    operation["responses"] = {**dict(sorted(answers.items())), "default": default}


def _media_schema(kind: str) -> Json:
    if kind == "application/json":
        return {"type": "object"}
    return (
        {"type": "string"}
        if kind.startswith(TEXT_MEDIA)
        else {
            "type": "string",
            "format": "binary",
        }
    )
