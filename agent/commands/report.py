"""orca-agent report"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from agent.shared.clock import from_rfc3339, rfc3339, system_clock
from agent.shared.folders import data_dir as data_dir_in_force
from agent.telemetry.comparison import (
    FORMAT,
    MEASURES,
    NAME,
    Change,
    baseline,
    changes,
    conclusion,
)
from agent.telemetry.plots import number_text
from agent.terminal import AsJson, DataDir, clean, console, echo_json, fail

if TYPE_CHECKING:
    from rich.table import Table

Json = dict[str, Any]  # Any: JSON values
BASELINES = "baselines"
COLUMNS = {
    "tokens_per_second": "tokens/s",
    "first_token_ms": "first token",
    "load_cold_ms": "load cold",
    "load_warm_ms": "load warm",
    "total_ms": "whole",
}
WIDTH = 120  # of tables where nobody watches


def report(
    *,
    days: Annotated[int, typer.Option(min=1, max=731, help="How far back.")] = 7,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")
    ] = None,
    save_baseline: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep this, to compare with later.")
    ] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="NAME", help="What changed since that baseline.")
    ] = None,
    renamed: Annotated[
        list[str] | None,
        typer.Option(metavar="OLD=NEW", help="With --compare: which model took whose place."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what exists.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Say how the models did: speed, tokens, requests; and compare before with after.

    Only requests that came after the baseline are compared with it.

    Examples:

        orca-agent report --html report.html

        orca-agent report --save-baseline before

        orca-agent report --compare before --renamed qwen3:4b=qwen3:8b
    """
    folder = data_dir_in_force(data_dir) / BASELINES
    target = _free(folder, save_baseline, force=force) if save_baseline else None
    if html and html.exists() and not force:
        raise fail(f"{html} exists already. --force replaces it.", 2)
    before = _read(folder, compare) if compare else None
    told = _told(data_dir, days, before)
    found = None
    if before is not None:
        places = _places(renamed or [])
        found = changes(before["items"], told["performance"], renamed=places)
        told["changes"] = [_change_json(one) for one in found]
    if target is not None and save_baseline:
        _save(target, save_baseline, told)
    if html:
        _write_page(html, told, found)
    if as_json:
        echo_json(told)
    else:
        _print(told, found)


def _told(data_dir: DataDir, days: int, before: Json | None) -> Json:
    """The report as JSON."""
    from agent.client.sync import Agent  # slow import

    since = system_clock() - timedelta(days=days)
    if before is not None:
        since = max(since, from_rfc3339(before["saved_at"]))
    with Agent.local(data_dir) as agent:
        found = agent.json("GET", "/telemetry/performance", params={"since": rfc3339(since)})
        by_day = list(agent.items("/telemetry/projects", since=rfc3339(since), limit=1000))
        version = agent.ready().get("version")
    return {
        "version": version,
        "since": found["since"],
        "until": found["until"],
        "is_whole": found["is_whole"],
        "performance": found["items"],
        "days": by_day,
        "baseline": before["name"] if before else None,
    }


# --- baselines ----------------------------------------------------------------------------------


def _free(folder: Path, name: str, *, force: bool) -> Path:
    file = _file(folder, name)
    if file.exists() and not force:
        raise fail(f"There is a baseline called {name} already. --force replaces it.", 2)
    return file


def _file(folder: Path, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise fail("A baseline is named by up to 64 letters, digits, dots, dashes, underscores.", 2)
    return folder / f"{name}.json"


def _save(file: Path, name: str, told: Json) -> None:
    kept = baseline(name, told["until"], {**told, "items": told["performance"]})
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps(kept, indent=2, ensure_ascii=False), "utf-8")
    except OSError as err:
        raise fail(f"{file} cannot be written: {err.strerror}.") from None
    typer.echo(f"The baseline {name} is saved.", err=True)


def _read(folder: Path, name: str) -> Json:
    file = _file(folder, name)
    try:
        kept: Json = json.loads(file.read_text("utf-8"))
        if kept["format"] == FORMAT and from_rfc3339(kept["saved_at"]):
            return kept
    except FileNotFoundError:
        known = ", ".join(sorted(one.stem for one in folder.glob("*.json"))) or "none yet"
        raise fail(f"There is no baseline called {name}. There are: {known}.") from None
    except OSError as err:
        raise fail(f"{file} cannot be read: {err.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        pass
    raise fail(f"{file} is no baseline.")


def _places(renamed: Sequence[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in renamed]
    if not all(old and new for old, _, new in pairs):
        raise fail("Write --renamed OLD=NEW, such as qwen3:4b=qwen3:8b.", 2)
    return {old: new for old, _, new in pairs}


# --- telling ------------------------------------------------------------------------------------


def _write_page(file: Path, told: Json, found: Sequence[Change] | None) -> None:
    from agent.telemetry.page import page  # slow import

    try:
        file.write_text(page(told, found), "utf-8")
    except OSError as err:
        raise fail(f"{file} cannot be written: {err.strerror}.") from None
    typer.echo(f"The page is at {file}.", err=True)


def _change_json(one: Change) -> Json:
    fields = {name: getattr(one, name) for name in Change.__slots__}
    return {**fields, "sentence": one.sentence}


def _print(told: Json, found: Sequence[Change] | None) -> None:
    out = console(unwatched_width=WIDTH)
    period = f"{told['since'][:16]} to {told['until'][:16]}".replace("T", " ") + " UTC"
    if not told["performance"]:
        out.print(f"No model was asked from {period}.")
    else:
        out.print(f"From {period}. Milliseconds; medians, in brackets 95 of 100 stay below.")
        out.print(_models(told["performance"]))
        out.print(_projects(told["days"]))
    if not told["is_whole"]:
        out.print("Speeds are of the latest 20,000 requests.")
    if found is not None:
        out.print(f"\nCompared with {told['baseline']}: {clean(conclusion(found))}")
        out.print(_changes(found))


def _models(items: Sequence[Json]) -> "Table":
    table = _table(
        "model", "backend", *(">requests", ">failed"), *(f">{c}" for c in COLUMNS.values())
    )
    for one in items:
        outcomes = one["outcomes"]
        failed = sum(outcomes[name] for name in ("failed", "rejected", "timed-out", "interrupted"))
        spreads = (_spread(one[name]) for name in COLUMNS)
        counts = (number_text(one["requests"]), number_text(failed))
        table.add_row(clean(one["model"]), clean(one["backend"]), *counts, *spreads)
    return table


def _projects(days: Sequence[Json]) -> "Table":
    summed: dict[tuple[str, str], Counter[str]] = {}
    names = ("requests", "prompt_tokens", "completion_tokens")
    for day in days:
        counters = summed.setdefault((day["project"], day["model"]), Counter())
        counters.update({name: day[name] for name in names})
    table = _table("project", "model", ">requests", ">tokens read", ">tokens written")
    for (project, model), counters in sorted(summed.items()):
        table.add_row(project, clean(model), *(number_text(counters[name]) for name in names))
    return table


def _changes(found: Sequence[Change]) -> "Table":
    table = _table("model", "backend", "what", ">before", ">after", ">change", "judgement")
    for one in found:
        delta = "" if one.delta_percent is None else f"{one.delta_percent:+.0f} %"
        values = (_value(one.before), _value(one.after), delta, one.sentence)
        table.add_row(clean(one.model), clean(one.backend), MEASURES[one.measure][0], *values)
    return table


def _table(*head: str) -> "Table":
    from rich import box  # slow import
    from rich.table import Table  # slow import

    table = Table(box=box.SIMPLE)
    for name in head:
        justify: Literal["left", "right"] = "right" if name.startswith(">") else "left"
        table.add_column(name.lstrip(">"), justify=justify, overflow="fold")
    return table


def _spread(spread: Mapping[str, float] | None) -> str:
    return f"{number_text(spread['p50'])} ({number_text(spread['p95'])})" if spread else "-"


def _value(value: float | None) -> str:
    return "-" if value is None else number_text(value)
