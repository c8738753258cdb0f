"""The page of `orca-agent report`, in a browser: light and dark, narrow and wide."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser

from agent.telemetry.comparison import changes
from agent.telemetry.page import page
from tests.agent.test_telemetry_report import performance, spread

TALLEST = (
    "Math.max(...[...document.querySelectorAll('rect.part0')].map(r => r.height.baseVal.value))"
)


def told() -> str:
    models = [
        performance("qwen3:4b", tokens_per_second=spread(50), first_token_ms=spread(180)),
        performance("a-name-that-takes-much-room/" + "x" * 80, tokens_per_second=spread(9)),
    ]
    days = [
        {
            "day": f"2026-01-{day:02}",
            "project": "default",
            "model": "qwen3:4b",
            "requests": day * 3,
            "done": day * 2,
            "cancelled": day % 4,
            "prompt_tokens": day * 900,
            "completion_tokens": day * 400,
        }
        for day in range(1, 31)
    ]
    before = [performance("qwen3:4b", tokens_per_second=spread(40))]
    return page(
        {
            "version": "0.1.0",
            "since": "2026-01-01T00:00:00.000000Z",
            "until": "2026-01-31T00:00:00.000000Z",
            "is_whole": True,
            "performance": models,
            "days": days,
            "baseline": "before",
        },
        changes(before, models, renamed={}),
    )


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 360)])
async def test_the_report_is_drawn_in_both_schemes_and_fits(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    file = tmp_path / "report.html"
    file.write_text(told(), "utf-8")
    complaints: list[str] = []
    requested: list[str] = []
    context = await browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, java_script_enabled=True
    )
    shown = await context.new_page()
    shown.on("console", lambda message: complaints.append(message.text))
    shown.on("request", lambda request: requested.append(request.url))

    await shown.goto(file.as_uri())
    picture = await shown.screenshot(full_page=True, path=tmp_path / f"{scheme}-{width}.png")

    ground, text = await shown.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    wanted = ("rgb(251, 252, 252)", "rgb(27, 36, 38)")
    if scheme == "dark":
        wanted = ("rgb(21, 25, 27)", "rgb(228, 235, 236)")
    assert (ground, text) == wanted
    assert await shown.evaluate("document.documentElement.scrollWidth") <= width
    assert await shown.evaluate(TALLEST) > 100
    assert len(picture) > 20_000
    assert (complaints, requested) == ([], [file.as_uri()])
    await context.close()
