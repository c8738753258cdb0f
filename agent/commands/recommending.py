"""orca-agent models recommend"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import AsJson, DataDir, clean, echo_json, fail, hint, note

Json = Mapping[str, Any]  # Any: JSON values
KINDS = {"text": "text", "code": "code", "vision": "pictures", "embedding": "search"}


def recommend(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Say which models suit this computer, and why. Works with and without a running agent.

    Examples:

        orca-agent models recommend

        orca-agent models recommend --json
    """
    from agent.client.problems import NotRunning  # slow import
    from agent.client.sync import Agent  # slow import

    installed: set[str] | None = None
    try:
        with Agent.local(data_dir) as agent:
            found: Json = agent.json("GET", "/model-profiles")
            installed = {_short(str(one["name"])) for one in agent.items("/models")}
    except NotRunning:
        found = _found_here(data_dir_in_force(data_dir))
    if as_json:
        echo_json(found)
        return
    for line in advice(found, installed):
        typer.echo(clean(hint(line)))


def advice(found: Json, installed: set[str] | None) -> list[str]:
    """The recommendation in lines. `installed` is None where nobody knows."""
    told = [str(found["why"]), *map(str, found["machine"]["notes"]), ""]
    told += [f"Profile {found['profile']}:"]
    missing = []
    for kind, names in found["models"].items():
        best, *others = names
        size = found["sizes_gb"].get(best)
        parts = [f"about {size:g} GB" if size else ""]
        if installed is not None:
            parts.append("installed" if _short(best) in installed else "")
        parts += [f"or {', '.join(others)}" if others else "", _set_by(found, kind)]
        told.append(f"  {KINDS.get(kind, kind):<9} {best:<34} {'; '.join(filter(None, parts))}")
        if installed is not None and _short(best) not in installed:
            missing.append(best)
    options = [
        " ".join(filter(None, (name, str(value), _set_by(found, name))))
        for name, value in found["options"].items()
    ]
    told += [f"  {'options':<9} {', '.join(options)}"]
    if missing:
        told += ["", f"Get one with `orca-agent models pull {missing[0]}`."]
    return told


def _set_by(found: Json, kind: str) -> str:
    name = found["set_by"].get(kind)
    return f"set by {name}" if name else ""


def _short(name: str) -> str:
    return name.lower().removesuffix(":latest")


def _found_here(folder: Path) -> Json:
    """What an agent with this folder would answer. Says so, since its settings may be others."""
    from agent.models.overrides import overrides_of  # slow import
    from agent.models.profiles import OWN_NAME, recommendation_here  # slow import
    from agent.settings import BadSettings, load  # slow import
    from agent.shared.errors import OrcaError  # slow import

    try:
        settings = load(data_dir=folder)
    except BadSettings as err:
        raise fail(str(err), 2) from None
    try:
        found = recommendation_here(settings.data_dir / OWN_NAME, overrides_of(settings))
    except OrcaError as err:
        raise fail(err.detail) from None
    note("No agent runs: this is what one would say.")
    return found.to_json()
