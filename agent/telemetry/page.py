"""The report as one HTML page that loads nothing and runs nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from agent.telemetry.comparison import MEASURES, Change, conclusion
from agent.telemetry.plots import Bar, Reach, columns, number_text, rows

Json = Mapping[str, Any]  # Any: JSON values

STYLE = """
:root { color-scheme: light dark; --text: #1b2426; --soft: #55656a; --ground: #fbfcfc;
  --line: #d5dddf; --one: #00796b; --two: #c2571a; --three: #7a5ea8; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --text: #e4ebec; --soft: #a2b1b5;
  --ground: #15191b; --line: #364043; --one: #4db6a6; --two: #e79561; --three: #b39ddb;
  --bad: #ff8a80; } }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 60rem; color: var(--text);
  background: var(--ground); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
.soft { color: var(--soft); } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: right; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child, td.words, th.words { text-align: left; white-space: normal;
  min-width: 7rem; }
th:first-child, td:first-child { min-width: 11rem; max-width: 24rem; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.4rem; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; margin-bottom: .3rem; }
figure > svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: var(--soft); }
text.label { text-anchor: end; } text.value { fill: var(--text); } .grid { stroke: var(--line); }
.part0 { fill: var(--one); } .part1 { fill: var(--two); } .part2 { fill: var(--three); }
.shade0 { fill: var(--one); } .shade1 { fill: var(--one); opacity: .45; }
.shade2 { fill: var(--one); opacity: .2; }
.keys { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem;
  color: var(--soft); font-size: .85rem; }
.better { color: var(--one); } .worse { color: var(--bad); }
""".strip()
SPREADS = {
    "first_token_ms": "first token",
    "load_cold_ms": "loading, cold",
    "load_warm_ms": "loading, warm",
    "total_ms": "whole answer",
}


def page(report: Json, found: Sequence[Change] | None) -> str:
    """The whole page; `report` is what `orca-agent report --json` prints."""
    period = f"{report['since'][:16]} to {report['until'][:16]}".replace("T", " ")
    parts = [
        "<h1>How the models did</h1>",
        f'<p class="soft">{escape(period)} UTC, version {escape(str(report["version"]))}</p>',
        _summary(report),
        _comparison(str(report["baseline"]), found) if found is not None else "",
        "<h2>Models</h2>",
        _models(report["performance"]),
        _speed(report["performance"]),
        "<h2>Days</h2>",
        _days(report["days"]),
        "<h2>Projects</h2>",
        _projects(report["days"]),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>How the models did</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _summary(report: Json) -> str:
    totals: Counter[str] = Counter()
    for one in report["performance"]:
        totals.update(requests=one["requests"], cached=one["cached"], **one["outcomes"])
    tokens = sum(day["completion_tokens"] for day in report["days"])
    facts = {
        "requests": totals["requests"],
        "came to their end": totals["done"],
        "failed": totals["failed"] + totals["timed-out"] + totals["rejected"],
        "answered from the cache": totals["cached"],
        "tokens written": tokens,
    }
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{number_text(value)}</dd></div>" for name, value in facts.items()
    )
    limit = "" if report["is_whole"] else '<p class="soft">Speeds: of the latest 20,000.</p>'
    return f"<dl>{cells}</dl>{limit}"


def _comparison(name: str, found: Sequence[Change]) -> str:
    body = [
        (
            f"{one.model} · {one.backend}",
            MEASURES[one.measure][0],
            _number(one.before),
            _number(one.after),
            "" if one.delta_percent is None else f"{one.delta_percent:+.0f} %",
            f'<span class="{one.verdict}">{escape(one.sentence)}</span>',
        )
        for one in found
    ]
    head = ("model · backend", "what", "before", "after", "change", "judgement")
    return f"<h2>Compared with {escape(name)}</h2><p>{escape(conclusion(found))}</p>" + _table(
        head, body, words=(1, 5), markup=(5,)
    )


def _models(items: Iterable[Json]) -> str:
    body = [
        (
            f"{one['model'] or '(none)'} · {one['backend'] or '(none)'}",
            number_text(one["requests"]),
            *(_medians(one[name]) for name in ("tokens_per_second", *SPREADS)),
        )
        for one in items
    ]
    head = (
        "model · backend",
        "requests",
        "tokens/s",
        *(f"{name}, ms" for name in SPREADS.values()),
    )
    note = '<p class="soft">Medians, and in brackets what 95 of 100 stay below.</p>'
    return _table(head, body) + note


def _speed(items: Sequence[Json]) -> str:
    plots = []
    for measure, title, unit in (
        ("tokens_per_second", "Tokens per second", "tokens/s"),
        ("first_token_ms", "Until the first token, in milliseconds", "ms"),
    ):
        reaches = [
            Reach(one["model"], [one[measure][name] for name in ("p50", "p95", "p99")])
            for one in items
            if one[measure]
        ]
        if reaches:
            plots.append(rows(title, ("median", "95 of 100", "99 of 100"), reaches, unit))
    return "".join(plots)


def _days(days: Iterable[Json]) -> str:
    by_day: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for day in days:
        for name, value in day.items():
            if isinstance(value, int):
                by_day[day["day"]][name] += value
    ordered = sorted(by_day.items())
    requests = [
        Bar(day, (n["done"], n["cancelled"], n["requests"] - n["done"] - n["cancelled"]))
        for day, n in ordered
    ]
    tokens = [Bar(day, (n["completion_tokens"], n["prompt_tokens"])) for day, n in ordered]
    if not ordered:
        return '<p class="soft">Nothing was asked.</p>'
    return columns("Requests", ("done", "stopped", "failed"), requests) + columns(
        "Tokens", ("written", "read"), tokens
    )


def _projects(days: Iterable[Json]) -> str:
    summed: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for day in days:
        for name in ("requests", "prompt_tokens", "completion_tokens"):
            summed[(day["project"], day["model"])][name] += day[name]
    body = [
        (
            f"{project} · {model or '(none)'}",
            *(number_text(numbers[n]) for n in ("requests", "prompt_tokens", "completion_tokens")),
        )
        for (project, model), numbers in sorted(summed.items())
    ]
    return _table(("project · model", "requests", "tokens read", "tokens written"), body)


def _table(
    head: Sequence[str],
    body: Iterable[Sequence[str]],
    *,
    words: Sequence[int] = (),
    markup: Sequence[int] = (),
) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=words' if at in words else ''}>"
            f"{cell if at in markup else escape(cell)}</{tag}>"
            for at, cell in enumerate(cells)
        )

    lines = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in body)
    return (
        f'<div class="wide"><table><thead><tr>{row(head, "th")}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _medians(spread: Json | None) -> str:
    return f"{_number(spread['p50'])} ({_number(spread['p95'])})" if spread else "–"


def _number(value: float | None) -> str:
    return "–" if value is None else number_text(value)
