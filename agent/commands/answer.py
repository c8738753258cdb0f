"""Prints one answer as it comes: the text on stdout, everything around it on stderr."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import typer

from agent.terminal import clean, hint, note

if TYPE_CHECKING:
    from agent.client.sync import Agent
    from agent.shared.wire import ServerSentEvent

WHAT_TO_DO = "Ask again, put it in other words, or name another model with -m."
NOTHING = f"The model said nothing. {WHAT_TO_DO}"
ONLY_THOUGHT = f"The model thought, and said nothing. {WHAT_TO_DO}"

Data = Mapping[str, Any]  # Any: JSON values


class Printer:
    """Follows the events of one run."""

    def __init__(self, *, quiet: bool, unused: Sequence[str] = ()) -> None:
        self._quiet = quiet
        self._unused = [what for what in unused if what]
        self._sources: list[Data] = []
        self._provider = ""
        self._is_thinking = self._has_text = self._ends_line = False
        self._has_thought = self._has_answer = False
        self.exit_code = 0

    def follow(self, events: Iterable["ServerSentEvent"]) -> None:
        for event in events:
            shows = getattr(self, f"_on_{event.name}", None)
            if shows:
                shows(event.data)

    def break_line(self) -> None:
        """Ends a line of text that was cut off."""
        if self._has_text and not self._ends_line:
            typer.echo()

    def _on_queued(self, data: Data) -> None:
        if (place := int(data.get("position", 0))) > 0:
            self._note(f"waiting: {place} before this")

    def _on_loading(self, data: Data) -> None:
        self._note(f"loading {data.get('model', 'the model')} into memory")

    def _on_started(self, data: Data) -> None:
        self._provider = str(data.get("provider") or "")
        if self._provider == "guide" and self._unused:
            what = " and ".join(self._unused)
            are = "are" if len(self._unused) > 1 else "is"
            sentence = f"No model is connected: the guide answers; {what} {are} not used."
            typer.secho(clean(sentence), err=True)

    def _on_sources(self, data: Data) -> None:
        self._sources = list(data.get("items", []))

    def _on_trimmed(self, data: Data) -> None:
        self._note(f"{data.get('dropped_messages', 0)} older messages did not fit the context")

    def _on_thinking(self, data: Data) -> None:
        self._is_thinking = self._has_thought = True
        if not self._quiet:
            note(str(data.get("text", "")), end="")

    def _on_token(self, data: Data) -> None:
        if self._is_thinking:
            self._is_thinking = False
            self._note("\n")
        text = clean(str(data.get("text", "")))
        sys.stdout.write(text)
        sys.stdout.flush()
        self._has_text = self._has_text or bool(text)
        self._has_answer = self._has_answer or bool(text.strip())
        self._ends_line = text.endswith("\n") if text else self._ends_line

    def _on_tool(self, data: Data) -> None:
        self._has_answer = True  # what it did is there to be looked at
        self._note(f"uses {data.get('name', 'a tool')}")

    def _on_done(self, data: Data) -> None:
        self.break_line()
        if not self._has_answer:
            self._say_that_nothing_came()
        if self._quiet:
            return
        for source in self._sources:
            typer.secho(clean(f"  · {source['title']} ({source['ref']})"), err=True, dim=True)
        message = data.get("message") or {}
        footer = _footer(message, data.get("usage") or {}, self._provider)
        typer.secho(clean(hint(footer)), err=True, dim=True)

    def _on_cancelled(self, _data: Data) -> None:
        self._fail("Stopped.")

    def _on_interrupted(self, _data: Data) -> None:
        self._fail("The agent ended before the answer did. What there is of it is kept.")

    def _on_error(self, data: Data) -> None:
        problem = data.get("problem") or {}
        self._fail(str(problem.get("detail") or problem.get("title") or "The answer failed."))

    def _say_that_nothing_came(self) -> None:
        """Also where quiet is wanted: no answer looks like one that got lost."""
        if self._is_thinking:
            self._note("\n")
        typer.secho(ONLY_THOUGHT if self._has_thought else NOTHING, err=True)

    def _note(self, text: str) -> None:
        if not self._quiet:
            note(text)

    def _fail(self, sentence: str) -> None:
        self.break_line()
        typer.secho(clean(sentence), err=True)
        self.exit_code = 1


def answer(agent: "Agent", run_id: str, *, quiet: bool, unused: Sequence[str] = ()) -> int:
    """Prints the answer of a run; answers the exit code. Ctrl-C stops the run, and the model.

    `unused` is what was asked for and only a model could use: said where the guide answers."""
    printer = Printer(quiet=quiet, unused=unused)
    try:
        printer.follow(agent.events(run_id))
    except KeyboardInterrupt:
        with suppress(KeyboardInterrupt):  # a second one must not keep the first from its work
            agent.cancel(run_id)
            printer.break_line()
            typer.secho("Stopped.", err=True)
        return 130
    return printer.exit_code


def _footer(message: Data, usage: Data, provider: str) -> str:
    if provider == "guide" or message.get("provider") == "guide":
        return (
            "From the built-in guide: no model is connected. "
            "`orca-agent status` says what is missing."
        )
    parts = [str(message.get("model") or "model")]
    if count := usage.get("completion_tokens"):
        parts.append(f"{count} tokens")
    if speed := usage.get("tokens_per_second"):
        parts.append(f"{speed:.1f} tokens/s")
    if first := usage.get("first_token_ms"):
        parts.append(f"first after {first / 1000:.1f} s")
    return " · ".join(parts)
