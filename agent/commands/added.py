"""What is added by its address, with a key: the commands of model servers and of printers."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.shared.command_line import NO_TEXT, is_text, read_piped
from agent.terminal import clean, fail, note

if TYPE_CHECKING:
    from agent.client.sync import Agent

Json = Mapping[str, Any]  # Any: JSON values
Which = Annotated[str, typer.Argument(metavar="NAME|ID", help="Which one.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
Force = Annotated[bool, typer.Option("--force", help="Add it even if it does not answer now.")]


@dataclass(frozen=True, slots=True)
class Added:
    """Things of one kind. `path` is where the agent lists them, and the command's name."""

    path: str
    noun: str
    patience_s: float

    def add(self, agent: "Agent", asked: Json) -> Json:
        from agent.client.problems import ClientProblem  # slow import

        try:
            return agent.json("POST", self.path, json=asked, timeout=self.patience_s)
        except ClientProblem as err:
            if err.status in {503, 504} and not asked["force"]:
                raise fail(f"{err.detail} With --force it is added all the same.") from None
            raise

    def path_of(self, agent: "Agent", which: str) -> str:
        """Of the one with this name or id."""
        for one in agent.items(self.path):
            if which in {one["id"], one["name"]}:
                return f"{self.path}/{one['id']}"
        listing = f"`orca-agent {self.path[1:]} list`"
        raise fail(f"There is no {self.noun} called {which}. {listing} has them all.")

    def test(self, agent: "Agent", which: str) -> Json:
        path = f"{self.path_of(agent, which)}/test"
        return agent.json("POST", path, timeout=self.patience_s)

    def remove(self, agent: "Agent", which: str, *, yes: bool) -> None:
        """Asks first where a person watches, unless `yes`."""
        path = self.path_of(agent, which)
        question = f"Remove {clean(which)}, and its key if it has one?"
        if not yes and sys.stdin.isatty() and not typer.confirm(question, err=True):
            raise typer.Exit(1)
        agent.call("DELETE", path)
        note(f"{which} is removed.")


def given_key(name: str, variable: str | None, *, from_stdin: bool, ask: bool) -> str:
    """The key as it was given: nothing if it was not."""
    if (variable is not None) + from_stdin + ask > 1:
        raise fail("Say where the key is once: --key-stdin, --key-env or --ask-key.", 2)
    if from_stdin:
        return read_piped(line=True).strip()
    if variable is not None:
        if not (found := os.environ.get(variable, "").strip()):
            raise fail(f"The environment has no {variable}, or it is empty.", 2)
        if not is_text(found):
            raise fail(NO_TEXT.format(what=variable), 2)
        return found
    if ask:
        asked: str = typer.prompt(f"Key of {name}", hide_input=True, err=True)
        return asked.strip()
    return ""
