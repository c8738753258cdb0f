"""A report for support, as Markdown: what a person who helps needs, and nothing private."""

import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.support.cleaning import Cleaner, trace_of
from agent.support.log_lines import Entry

MOST_ENTRIES = 40
SIGNS = {"good": "ok", "warning": "could be better", "wrong": "WRONG"}
Rows = Sequence[tuple[str, str]]
Clean = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Checked:
    """A finding of `orca-agent doctor`."""

    name: str
    state: str
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the report is made of; each part may be empty. `entries` are of the log, newest
    first."""

    version: str
    made_at: str
    checks: Sequence[Checked] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    servers: Rows = ()
    queues: Rows = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    entries: Sequence[Entry] = ()


def written(facts: Facts, cleaner: Cleaner) -> str:
    """Every text of it is cleaned, whoever wrote it."""
    clean = cleaner.cleaned
    head = (
        f"# Orca Agents {facts.version}: report for support\n\nMade {facts.made_at}. It holds no "
        "key, no conversation and no name of yours as far as a program can tell: read it before "
        "you send it."
    )
    parts = [
        head,
        _section("System", _table(("", ""), _system())),
        _section("Checks", _table(("", "state", "", "to do"), _checks(facts.checks, clean))),
        _section("Settings that are not the default", _table(("", ""), _pairs(facts.settings))),
        _section("Model servers", _table(("", ""), _cleaned(facts.servers, clean))),
        _section("Queues", _table(("", ""), facts.queues)),
        _section("Kept here", _table(("", ""), _pairs(facts.counts))),
        _section("Warnings and errors of the log, newest first", _log(facts.entries, clean)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def shown_settings(values: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, str]:
    """Those that differ. Numbers and switches as they are; of a text, that there is one."""
    return {
        name: str(value) if isinstance(value, (bool, int, float)) else "is set"
        for name, value in values.items()
        if name in defaults and value != defaults[name]
    }


def _system() -> list[tuple[str, str]]:
    import psutil  # slow import

    memory = psutil.virtual_memory()
    return [
        ("system", platform.platform()),
        ("processor", f"{platform.machine()}, {os.cpu_count()} cores"),
        ("memory", f"{memory.total / 1e9:.1f} GB, {memory.available / 1e9:.1f} GB free"),
        ("Python", platform.python_version()),
    ]


def _checks(checks: Iterable[Checked], clean: Clean) -> list[tuple[str, ...]]:
    return [
        (one.name, SIGNS.get(one.state, one.state), clean(one.text), clean(one.fix))
        for one in checks
    ]


def _cleaned(rows: Rows, clean: Clean) -> list[tuple[str, str]]:
    return [(clean(name), clean(text)) for name, text in rows]


def _pairs(values: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in values.items()]


def _log(entries: Sequence[Entry], clean: Clean) -> str:
    lines = []
    for entry in entries[:MOST_ENTRIES]:
        where = trace_of(entry.exception) if entry.exception else ""
        text = f"{entry.timestamp[:19]} {entry.level} {entry.logger}: {clean(entry.message)}"
        lines.append(f"{text} [{where}]" if where else text)
    fenced = "\n".join(line.replace("`", "'") for line in lines)
    return f"```text\n{fenced}\n```" if lines else ""


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    told = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    if not told:
        return ""
    lines = [list(head), ["---"] * len(head), *told]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
