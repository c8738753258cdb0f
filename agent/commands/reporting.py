"""The report for support of a data folder, with the findings of doctor. Blocks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from agent.commands.checks import examine
from agent.settings import BadSettings, Settings, load
from agent.support import gathering
from agent.support.report import Checked, Facts, shown_settings, written


def report_of(folder: Path, facts: Facts, settings: Settings | None = None) -> str:
    """`facts` are what a running agent knows of itself."""
    if settings is None:
        try:
            settings = load(data_dir=folder)
        except BadSettings:  # doctor says which
            settings = Settings.model_construct(data_dir=folder)
    checks = [
        Checked(
            check.name,
            check.state.value,
            check.brief or check.text,
            "" if check.brief else check.fix,
        )
        for check in examine(folder)
    ]
    whole = replace(
        facts,
        checks=checks,
        settings=shown_settings(settings.model_dump(), _defaults()),
        counts=gathering.counts(settings.database_file),
        entries=gathering.problems(settings.log_dir),
    )
    return written(whole, gathering.cleaner_for(folder, settings.database_file, _texts(settings)))


def _texts(settings: Settings) -> Iterator[str]:
    """What the user set to words of their own: names of models, patterns, addresses."""
    for name, default in _defaults().items():
        value = getattr(settings, name)
        kind = Settings.model_fields[name].annotation
        if value != default and kind in (str, str | None):
            yield from (part.strip(" *") for part in str(value).split(","))


def _defaults() -> dict[str, object]:
    """Of every setting but the data folder."""
    fields = Settings.model_fields
    return {name: field.default for name, field in fields.items() if name != "data_dir"}
