"""`orca-agent report`: what it prints, the page that it writes, before and after."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.cli import app
from agent.shared.clock import system_clock
from agent.telemetry.comparison import Change, changes, conclusion
from agent.telemetry.page import page
from agent.telemetry.plots import Bar, columns, nice_top, number_text
from tests.agent.program import program
from tests.agent.recording import MODEL, keeping, record

ODD = "<script>alert(1)</script> & \x1b[31mred"
Json = dict[str, Any]  # Any: JSON values


def spread(p50: float, count: int = 100, *, half: float = 1.0) -> Json:
    around = {"p50_low": p50 - half, "p50_high": p50 + half}
    return {"count": count, "p50": p50, "p95": p50 * 2, "p99": p50 * 3, **around}


def performance(model: str = MODEL, **spreads: Json | None) -> Json:
    names = ("tokens_per_second", "first_token_ms", "first_token_warm_ms", "load_cold_ms")
    outcomes = dict.fromkeys(("cancelled", "failed", "rejected", "timed-out", "interrupted"), 0)
    return {
        "model": model,
        "backend": "local",
        "requests": 100,
        "outcomes": {**outcomes, "done": 100},
        "cached": 0,
        "cold": 0,
        **dict.fromkeys((*names, "load_warm_ms", "total_ms", "queued_ms")),
        **spreads,
    }


# --- before and after ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "verdict", "sentence"),
    [
        (spread(50), spread(60), "better", "better: 20 % faster"),
        (spread(50), spread(40), "worse", "worse: 20 % slower"),
        (spread(50), spread(51.5), "no clear change", "no clear change: within the noise"),
        (
            spread(50, 8),
            spread(80, 500),
            "too few requests",
            "too few to tell: 8 before, 500 after, 20 wanted",
        ),
        (None, spread(50), "new", "was not used before"),
        (spread(50), None, "gone", "is not used any more"),
    ],
)
def test_a_change_counts_when_it_is_more_than_noise(
    before: Json | None, after: Json | None, verdict: str, sentence: str
) -> None:
    (found,) = changes(
        [performance(tokens_per_second=before)],
        [performance(tokens_per_second=after)],
        renamed={},
    )

    assert (found.verdict, found.sentence) == (verdict, sentence)


def test_for_times_less_is_better_and_a_new_model_can_take_the_place_of_an_old_one() -> None:
    found = changes(
        [performance("old:4b", first_token_warm_ms=spread(200), total_ms=spread(900))],
        [performance("new:8b", first_token_warm_ms=spread(150), total_ms=spread(1800))],
        renamed={"old:4b": "new:8b"},
    )

    of = ("new:8b", "local")
    assert found == [
        Change(*of, "first_token_warm_ms", 200, 150, 100, 100, -25.0, "better"),
        Change(*of, "total_ms", 900, 1800, 100, 100, 100.0, "worse"),
    ]
    assert conclusion(found) == (
        "new:8b on local: first token, warm better: 25 % shorter; "
        "new:8b on local: whole answer worse: 100 % longer."
    )


def test_a_conclusion_does_not_promise_what_the_numbers_do_not() -> None:
    gone = changes([performance(total_ms=spread(5))], [performance()], renamed={})
    few = changes(
        [performance(total_ms=spread(5, 3))], [performance(total_ms=spread(9))], renamed={}
    )
    same = changes([performance(total_ms=spread(5))], [performance(total_ms=spread(5))], renamed={})

    assert conclusion(few).startswith("It is too early to tell")
    assert conclusion(gone) == "No model was used both before and after."
    assert conclusion(same) == "Nothing has clearly changed."


# --- plots and page -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "top", "text"),
    [
        (0, 1, "0"),
        (0.4, 1, "0.4"),
        (7.77, 10, "7.8"),
        (20, 20, "20"),
        (21, 50, "21"),
        (999, 1000, "999"),
        (12_345, 20_000, "12.3k"),
        (999_999, 1_000_000, "1M"),
        (2_500_000, 5_000_000, "2.5M"),
    ],
)
def test_numbers_are_short_and_axes_end_at_a_round_one(value: float, top: float, text: str) -> None:
    assert (nice_top(value), number_text(value)) == (top, text)


def test_the_columns_of_a_plot_are_as_tall_as_their_values() -> None:
    drawn = columns("Requests", ("done", "failed"), [Bar("2026-01-31", (3, 1)), Bar("b", (5, 0))])

    boxes = re.findall(r'<rect class="(part\d)"[^>]* height="([\d.]+)"><title>([^<]+)', drawn)
    assert boxes == [
        ("part0", "108.0", "2026-01-31: 3 done"),
        ("part1", "36.0", "2026-01-31: 1 failed"),
        ("part0", "180.0", "b: 5 done"),
    ]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_a_page_runs_nothing_and_loads_nothing_whatever_models_are_called() -> None:
    day = {"day": "2026-01-31", "project": ODD, "model": ODD, "requests": 4, "done": 3}
    counts = {"cancelled": 0, "prompt_tokens": 9, "completion_tokens": 50}
    told = {
        "version": ODD,
        "since": "2026-01-24T09:05:00.000000Z",
        "until": "2026-01-31T09:05:00.000000Z",
        "is_whole": False,
        "performance": [performance(ODD, tokens_per_second=spread(50))],
        "days": [{**day, **counts}],
        "baseline": "before",
    }
    found = changes([performance(ODD, total_ms=spread(5))], told["performance"], renamed={})  # type: ignore[arg-type] # a list, as written above

    tags = Tags()
    tags.feed(page(told, found))

    assert tags.names & {"script", "iframe", "link", "img", "object", "a"} == set()
    assert {name for name in tags.attributes if name.startswith("on")} == set()
    assert tags.attributes & {"src", "href"} == set()
    assert tags.names >= {"figure", "svg", "rect", "table"}


# --- the command --------------------------------------------------------------------------------


async def fill(folder: Path) -> None:
    now = system_clock()
    async with keeping(folder) as kept:
        for number in range(40):
            at = now - timedelta(hours=number)
            speed = 50.0 + number % 5
            kept.telemetry.record(record(number, at=at, tokens_per_second=speed))
        kept.telemetry.record(record(outcome="failed", at=now, model=ODD, project="voron"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of an agent that runs, and to which something was asked."""
    data = tmp_path_factory.mktemp("report") / "data"
    data.mkdir()
    asyncio.run(fill(data))
    with program(data) as one:
        one.serve()
        yield data


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", "--data-dir", str(folder), *arguments])


@pytest.mark.slow
@pytest.mark.timeout(30)
def test_a_report_is_printed_and_keeps_terminals_as_they_are(folder: Path) -> None:
    printed = run(folder)

    assert printed.exit_code == 0, printed.output
    lines = [line.split() for line in printed.stdout.splitlines()]
    of_model = [line for line in lines if MODEL in line]
    assert of_model == [
        [
            MODEL,
            "local",
            "40",
            "0",
            "52",
            "(54)",
            "120",
            "(120)",
            "-",
            "40",
            "(40)",
            "1,000",
            "(1,000)",
        ],
        ["default", MODEL, "40", "1,200", "2,000"],
    ]
    assert "\x1b" not in printed.stdout


@pytest.mark.timeout(30)
def test_a_baseline_is_kept_and_compared_with_what_came_after_it(
    folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"

    saved = run(folder, "--save-baseline", "before", "--json")
    again = run(folder, "--save-baseline", "before")
    compared = run(folder, "--compare", "before", "--json", "--html", str(file))
    overwritten = run(folder, "--html", str(file))
    missing = run(folder, "--compare", "nothing")

    kept = folder / "baselines" / "before.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text())["items"] == json.loads(saved.stdout)["performance"]
    told = json.loads(compared.stdout)
    assert (told["performance"], told["baseline"]) == ([], "before")
    assert {one["verdict"] for one in told["changes"]} == {"gone"}
    assert "Compared with before" in file.read_text("utf-8")
    assert [(one.exit_code, one.stderr) for one in (again, overwritten, missing)] == [
        (2, "There is a baseline called before already. --force replaces it.\n"),
        (2, f"{file} exists already. --force replaces it.\n"),
        (1, "There is no baseline called nothing. There are: before.\n"),
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--save-baseline", "../evil"), "A baseline is named by"),
        (("--compare", ".hidden"), "A baseline is named by"),
    ],
)
def test_a_baseline_lies_in_its_folder_and_nowhere_else(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = run(tmp_path, *arguments)

    assert (refused.exit_code, refused.stderr.startswith(sentence)) == (2, True)


def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path) -> None:
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines" / "odd.json").write_text("[]")

    refused = run(tmp_path, "--compare", "odd")

    assert refused.exit_code == 1
    assert refused.stderr.endswith("odd.json is no baseline.\n")
