"""Writes the tables of README and docs that the code itself knows.

.venv/bin/python packaging/render_docs.py           puts them between their markers
.venv/bin/python packaging/render_docs.py --check   says what is not current, exit code 1
"""

import argparse
import ast
import asyncio
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import typer  # noqa: E402 - behind the path
from openapi_document import described, hub_described  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402
from pydantic_core import PydanticUndefined  # noqa: E402

from agent.chat.shapes import ConversationOut, MessageOut, UsageOut  # noqa: E402
from agent.cli import app as command_line  # noqa: E402
from agent.configuration.layers import PREFIX  # noqa: E402
from agent.images.routes import ImageOut  # noqa: E402
from agent.inference.routes import QueueOut  # noqa: E402
from agent.models.shapes import ModelOut  # noqa: E402
from agent.runs.shapes import RunOut  # noqa: E402
from agent.settings import Settings  # noqa: E402
from agent.shared import errors, problems  # noqa: E402
from agent.shared.errors import OrcaError  # noqa: E402
from agent.slicer.calibrations.catalogue import CALIBRATIONS  # noqa: E402
from agent.slicer.checks.checking import CHECKS  # noqa: E402
from hub import settings as hub  # noqa: E402
from hub.cli import app as hub_command_line  # noqa: E402

SHAPES: dict[str, type[BaseModel]] = {
    "conversation": ConversationOut,
    "message": MessageOut,
    "usage": UsageOut,
    "run": RunOut,
    "model": ModelOut,
    "queue": QueueOut,
    "picture": ImageOut,
}
NO_DEFAULT = {
    "data_dir": "your data folder",
    "default_model": "the best installed one",
    "otlp_endpoint": "none",
}
NO_DEFAULT |= dict.fromkeys(
    (
        *("text_model", "code_model", "vision_model", "embedding_model"),
        *("ollama_parallel", "ollama_max_loaded", "context_tokens"),
    ),
    "as the profile says",
)
NO_DEFAULT |= dict.fromkeys(
    ("orcaslicer_binary", "prusaslicer_binary", "slicer_data_dirs"), "found by the agent"
)
NO_DEFAULT |= {"profile": "the one that fits", "ollama_binary": "found by the agent"}
NO_DEFAULT |= dict.fromkeys(("update_url", "update_root"), "that of the package")
NO_DEFAULT |= dict.fromkeys(("allowed_models", "allowed_backends"), "all")
ENVIRONMENT_ONLY = {"data_dir"}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *(list(row) for row in rows)]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def settings_short() -> str:
    return table(
        ("setting", "default", "what it is"),
        (
            (f"`{PREFIX}{name.upper()}`", _default(name, field), field.description or "")
            for name, field in Settings.model_fields.items()
        ),
    )


def settings_long() -> str:
    return table(
        ("environment", "in agent.toml", "default", "may be", "what it is"),
        (
            (
                f"`{PREFIX}{name.upper()}`",
                "" if name in ENVIRONMENT_ONLY else f"`{name}`",
                _default(name, field),
                _range(field),
                field.description or "",
            )
            for name, field in Settings.model_fields.items()
        ),
    )


def hub_settings() -> str:
    secrets = set(hub.secret_names())
    return table(
        ("environment", "default", "may be", "what it is"),
        (
            (
                f"`{hub.PREFIX}{name.upper()}`" + (" or `…_FILE`" if name in secrets else ""),
                "your data folder" if name == "data_dir" else _plain(field.default),
                _range(field),
                field.description or "",
            )
            for name, field in sorted(hub.Settings.model_fields.items(), key=_is_of_a_part)
        ),
    )


def _is_of_a_part(setting: tuple[str, FieldInfo]) -> bool:
    """What the hub itself needs stands first."""
    return setting[0] not in hub.Settings.__annotations__


def commands() -> str:
    found = _commands(typer.main.get_command(command_line), ["orca-agent"])
    return table(("command", "what it does"), found)


def hub_commands() -> str:
    found = _commands(typer.main.get_command(hub_command_line), ["orca-hub"])
    return table(("command", "what it does"), found)


def statuses() -> str:
    return _statuses("agent")


def hub_statuses() -> str:
    return _statuses("hub")


def _statuses(program: str) -> str:
    told = dict(re.findall(r"class (\w+)\(OrcaError\): \.\.\.  # (.+)", _source(errors.__file__)))
    return table(
        ("status", "what to do", "codes"),
        (
            (str(status), told[kind.__name__], ", ".join(f"`{code}`" for code in sorted(codes)))
            for kind, status, codes in _codes(program)
            if codes
        ),
    )


def route_table() -> str:
    paths = asyncio.run(described())["paths"]
    return table(
        ("method", "address", "scope", "what it does"),
        (
            (
                method.upper(),
                f"`{path}`",
                operation.get("x-scope", "public"),
                operation.get("summary", ""),
            )
            for path, operations in paths.items()
            for method, operation in operations.items()
        ),
    )


def hub_routes() -> str:
    paths = asyncio.run(hub_described())["paths"]
    return table(
        ("method", "address", "who", "what it does"),
        (
            (method.upper(), f"`{path}`", _who(operation), operation.get("summary", ""))
            for path, operations in paths.items()
            for method, operation in operations.items()
        ),
    )


def shapes() -> str:
    return table(("thing", "fields"), ((name, _fields(shape)) for name, shape in SHAPES.items()))


def calibrations() -> str:
    return table(
        ("test", "what is computed", "what it sets"),
        (
            (test.title, f"`{test.formula}`", ", ".join(f"`{key}`" for key in test.keys))
            for test in CALIBRATIONS
        ),
    )


def checks() -> str:
    return table(
        ("check", "what it finds", "severity", "looks at"),
        ((f"`{one.id}`", one.title, one.severity.value, one.looks_at) for one in CHECKS),
    )


TABLES: dict[str, Callable[[], str]] = {
    "settings-short": settings_short,
    "settings": settings_long,
    "commands": commands,
    "statuses": statuses,
    "routes": route_table,
    "shapes": shapes,
    "calibrations": calibrations,
    "checks": checks,
    "hub-settings": hub_settings,
    "hub-commands": hub_commands,
    "hub-statuses": hub_statuses,
    "hub-routes": hub_routes,
}


def rendered(text: str) -> str:
    """`text` with every table between its markers as the code has it now."""

    def fill(found: re.Match[str]) -> str:
        return f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}"

    return re.sub(r"(<!-- begin ([a-z-]+) -->)\n.*?(<!-- end \2 -->)", fill, text, flags=re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    check = parser.parse_args().check
    stale = []
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        text = file.read_text("utf-8")
        if (wanted := rendered(text)) != text:
            stale.append(file)
            if not check:
                file.write_text(wanted, "utf-8")
    for file in stale:
        print(f"{file.relative_to(ROOT)} {'is not current' if check else 'is written anew'}")
    return 1 if check and stale else 0


def _default(name: str, field: FieldInfo) -> str:
    if name in NO_DEFAULT:
        return NO_DEFAULT[name]
    if field.default is PydanticUndefined or field.default is None:
        raise ValueError(f"say in NO_DEFAULT what {name} is when nobody sets it")
    value = field.default
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _who(operation: dict[str, Any]) -> str:  # Any: OpenAPI
    if not operation["security"]:
        return "everybody"
    who = "Administrators" if operation["x-role"] == "administrator" else "who is signed in"
    scope = operation.get("x-scope")
    return f"{who}, keys with `{scope}`" if scope else who


def _plain(value: object) -> str:
    if value in (None, "", ()):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _fields(shape: type[BaseModel]) -> str:
    return ", ".join(f"`{name}`" for name in shape.model_fields)


def _range(field: FieldInfo) -> str:
    limits = {
        kind: getattr(one, kind)
        for one in field.metadata
        for kind in ("ge", "gt", "le")
        if getattr(one, kind, None) is not None
    }
    if field.annotation is bool:
        return "`true`, `false`"
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{one}`" for one in get_args(field.annotation))
    if "le" not in limits:
        return ""
    low = f"{limits['ge']:,}" if "ge" in limits else f"over {limits['gt']:,}"
    return f"{low} to {limits['le']:,}"


def _commands(command: Any, names: list[str]) -> Iterator[tuple[str, str]]:  # Any: typer's own
    for name, one in command.commands.items():
        path = [*names, name]
        if hasattr(one, "commands"):
            yield from _commands(one, path)
            continue
        arguments = [
            word if parameter.required else f"[{word}]"
            for parameter in one.params
            if parameter.param_type_name == "argument"
            for word in [parameter.metavar or parameter.name.upper()]
        ]
        words = " ".join([*path, *arguments])
        yield f"`{words}`", str(one.help or "").strip().splitlines()[0]


def _codes(program: str) -> list[tuple[type[OrcaError], int, set[str]]]:
    """Every class with its status and the codes that the program raises it with."""
    names = {kind.__name__: kind for kind in problems.STATUS}
    found: dict[type[OrcaError], set[str]] = defaultdict(set)
    for part in _parts_of(program):
        for call in ast.walk(part):
            if isinstance(call, ast.Call):
                for kind, code in _raised(call, names):
                    found[kind].add(code)
    for status, (code, _) in problems.ROUTING.items():
        for kind, known in problems.STATUS.items():
            if known == status:
                found[kind].add(code)
    return [(kind, status, found[kind]) for kind, status in problems.STATUS.items()]


def _parts_of(program: str) -> Iterator[ast.AST]:
    """Its modules; and of what programs share the definitions that it uses."""
    shared: dict[str, set[str]] = defaultdict(set)
    for file in (ROOT / program).rglob("*.py"):
        if file.is_relative_to(ROOT / "agent" / "client"):
            continue  # its classes have the same names, and begin with a sentence
        module = ast.parse(_source(file))
        yield module
        for line in ast.walk(module):
            if isinstance(line, ast.ImportFrom) and str(line.module).startswith("agent.shared."):
                shared[str(line.module)] |= {one.name for one in line.names}
    if program != "agent":
        for name, used in shared.items():
            yield from _definitions(ROOT / f"{name.replace('.', '/')}.py", used)


def _definitions(file: Path, used: set[str]) -> Iterator[ast.AST]:
    """Those of these names, and those of the same module that they mention."""
    body = ast.parse(_source(file)).body
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    known = {one.name: one for one in body if isinstance(one, kinds)}
    left, seen = list(used), set[str]()
    while left:
        if (name := left.pop()) in known and name not in seen:
            seen.add(name)
            yield known[name]
            left += [one.id for one in ast.walk(known[name]) if isinstance(one, ast.Name)]


def _raised(
    call: ast.Call, names: dict[str, type[OrcaError]]
) -> Iterator[tuple[type[OrcaError], str]]:
    # Conflict("code", ...), or a row of a table: meaning(pattern, Conflict, "code", ...)
    for before, argument in zip([call.func, *call.args], call.args, strict=False):
        name = before.attr if isinstance(before, ast.Attribute) else getattr(before, "id", "")
        if name in names and isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield names[name], argument.value


def _source(file: str | Path | None) -> str:
    return Path(file or "").read_text("utf-8")


if __name__ == "__main__":
    sys.exit(main())
