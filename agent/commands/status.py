"""orca-agent status"""

import json
from collections.abc import Mapping
from typing import Any

import typer

from agent.client.problems import NotRunning
from agent.terminal import AsJson, DataDir, absent_default, clean, echo_json, hint, local_time

STATUS = {"degraded": "the guide answers, no model"}


def status(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Say whether the agent runs, what it is connected to, and what it is doing.

    Exit code 0 if it runs and can answer, else 1.

    Example:

        orca-agent status --json
    """
    from agent.client.problems import NoAnswerInTime  # slow import
    from agent.client.sync import Agent  # slow import

    try:
        with Agent.local(data_dir) as agent:
            health = agent.ready()
    except NotRunning as err:
        state = "silent" if isinstance(err, NoAnswerInTime) else "stopped"
        typer.echo(json.dumps({"status": state}) if as_json else hint(str(err)))
        raise typer.Exit(1) from None
    if as_json:
        echo_json(health)
    else:
        for name, text in lines(health):
            typer.echo(f"{name:<9}{clean(hint(text))}")
    raise typer.Exit(0 if health["status"] in {"ready", "degraded"} else 1)


def lines(health: Mapping[str, Any]) -> list[tuple[str, str]]:  # Any: JSON values
    """The health document as rows of a name and a text."""
    ollama = health.get("ollama") or {}
    queue = health.get("queue") or {}
    version, since = health.get("version", "?"), health.get("started_at")
    told = [
        ("Agent", f"{STATUS.get(health['status'], health['status'])}, version {version}"),
        ("Since", local_time(since) if since else "?"),
        ("Ollama", _ollama(ollama)),
        *_hub(health),
        *_model(health),
        ("Queue", f"{queue.get('running', 0)} running, {queue.get('waiting', 0)} waiting"),
        ("Guide", f"{health.get('guide_entries', 0)} entries"),
    ]
    if absent := health.get("absent_default_model"):
        told.append(("Warning", absent_default(absent)))
    if warning := health.get("data_dir_warning"):
        told.append(("Warning", str(warning)))
    return told


def _model(health: Mapping[str, Any]) -> list[tuple[str, str]]:  # Any: JSON values
    count = health.get("models_count") or 0
    if name := health.get("default_model"):
        return [("Model", f"{name} ({count} installed)" if count else name)]
    is_up = (health.get("ollama") or {}).get("state") == "up"
    # Without Ollama its own row says all there is to say.
    none = "none that can chat is installed: `orca-agent models pull qwen3:4b`"
    return [("Model", none)] if is_up else []


def _hub(health: Mapping[str, Any]) -> list[tuple[str, str]]:  # Any: JSON values
    """How the hub of the team stands, where the agent belongs to one."""
    team = health.get("team")
    if not team:
        return []
    if team["problem"] or not team["is_up"]:
        return [("Hub", str(team["problem"] or f"{team['url']} has not answered yet"))]
    count = team["models_count"]
    said = f"{count} model{'' if count == 1 else 's'}"
    return [("Hub", f"up at {team['url']}, signed in as {team['account']}, {said}")]


def _ollama(ollama: Mapping[str, Any]) -> str:  # Any: JSON values
    state, url = ollama.get("state", "unknown"), str(ollama.get("url", "?"))
    if state == "up":
        return f"up at {url}, version {ollama.get('version') or '?'}"
    detail = str(ollama.get("detail") or "")
    return detail if url in detail else f"{state} at {url}{': ' if detail else ''}{detail}"
