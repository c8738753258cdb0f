"""orca-agent status"""

import json
from collections.abc import Mapping
from typing import Any

import typer

from agent.client.problems import NotRunning
from agent.terminal import AsJson, DataDir, clean


def status(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Say whether the agent runs, what it is connected to, and what it is doing.

    Exit code 0 if it runs and can answer, else 1.

    Example:

        orca-agent status --json
    """
    from agent.client.sync import NOT_RUNNING, Agent  # slow import

    try:
        with Agent.local(data_dir) as agent:
            health = agent.ready()
    except NotRunning:
        typer.echo(json.dumps({"status": "stopped"}) if as_json else NOT_RUNNING)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(health, indent=2, ensure_ascii=False))
    else:
        for name, text in lines(health):
            typer.echo(f"{name:<9}{clean(text)}")
    raise typer.Exit(0 if health["status"] in {"ready", "degraded"} else 1)


def lines(health: Mapping[str, Any]) -> list[tuple[str, str]]:  # Any: JSON values
    """The health document as rows of a name and a text."""
    ollama = health.get("ollama") or {}
    queue = health.get("queue") or {}
    version, since = health.get("version", "?"), health.get("started_at", "?")
    told = [
        ("Agent", f"{health['status']}, version {version}, since {since}"),
        ("Ollama", _ollama(ollama)),
        (
            "Model",
            f"{health.get('default_model') or 'none'} ({health.get('models_count', 0)} installed)",
        ),
        ("Queue", f"{queue.get('running', 0)} running, {queue.get('waiting', 0)} waiting"),
        ("Guide", f"{health.get('guide_entries', 0)} entries"),
    ]
    if warning := health.get("data_dir_warning"):
        told.append(("Warning", str(warning)))
    return told


def _ollama(ollama: Mapping[str, Any]) -> str:  # Any: JSON values
    text = f"{ollama.get('state', 'unknown')} at {ollama.get('url', '?')}"
    if ollama.get("version"):
        text += f", version {ollama['version']}"
    return f"{text}: {ollama['detail']}" if ollama.get("detail") else text
