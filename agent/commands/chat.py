"""orca-agent chat"""

import atexit
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.client.problems import ClientProblem, NotFound
from agent.commands.answer import answer
from agent.shared.command_line import NO_TEXT, read_piped
from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import DataDir, clean, fail, hint, note, waits_unread

if TYPE_CHECKING:
    from agent.client.shapes import Posted
    from agent.client.sync import Agent

LOOP_HELP = "/new begins another conversation, /model NAME changes the model, /stop stops what\
 this conversation still answers elsewhere, /quit leaves. Ctrl-C stops an answer."
HISTORY_LINES = 500


def chat(
    text: Annotated[
        list[str] | None, typer.Argument(help="The question; - in it is what is piped in.")
    ] = None,
    *,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Which model.", show_default="the default")
    ] = None,
    conversation: Annotated[
        str | None,
        typer.Option("--conversation", "-c", help="Go on with this one: its id, or `last`."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Begin a new one (so without -c).")] = False,
    image: Annotated[
        list[Path] | None,
        typer.Option("--image", "-i", help="A picture to ask about. Can be repeated."),
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", help="Instructions for a new conversation.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="The answer, nothing else.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Ask, and read the answer as it is written. Without TEXT: a conversation.

    Ctrl-C stops the model, not only this command. Without TEXT, what is piped in is the question;
    with TEXT it is read only where a - stands, and is put in its place.

    Examples:

        orca-agent chat "Why does PETG string?"

        orca-agent chat -c last "And at 230 degrees?"

        orca-agent chat -i print.jpg "What went wrong here?"

        cat notes.txt | orca-agent chat "Summarise this:" -
    """
    if conversation and (new or system):
        raise fail("-c goes on with a conversation; --new and --system begin one.", 2)
    question = _question(text or [])
    # Not read unasked: a pipe may stay open for ever, and a loop's own input is not ours to take.
    if text and "-" not in text and not quiet and waits_unread():
        note("What is piped in is not read: put a - where it belongs.")
    from agent.client.sync import Agent  # slow import

    with Agent.local(data_dir) as agent:
        session = _Session(agent, model=model, system=system, quiet=quiet)
        session.pictures = [_upload(agent, picture) for picture in image or []]
        if conversation:
            session.conversation_id = _found(agent, conversation)
        if question is not None:
            raise typer.Exit(session.ask(question))
        _converse(session, data_dir_in_force(data_dir) / "chat-history")


class _Session:
    """One conversation at a time, made when the first question is asked."""

    def __init__(
        self, agent: "Agent", *, model: str | None, system: str | None, quiet: bool
    ) -> None:
        self._agent, self._system, self._quiet = agent, system, quiet
        self.model = model
        self.conversation_id: str | None = None
        self.pictures: list[str] = []

    def ask(self, question: str) -> int:
        """Prints the answer; answers the exit code."""
        unused = [self.model or "", "the picture" if self.pictures else ""]
        sent = self._sent(question)
        self.pictures = []
        return answer(self._agent, str(sent["run"]["id"]), quiet=self._quiet, unused=unused)

    def _sent(self, question: str) -> "Posted":
        asked: dict[str, Any] = {"model": self.model, "images": self.pictures}  # Any: both kinds
        if self.conversation_id is not None:
            return self._agent.send(self.conversation_id, question, **asked)
        made = self._agent.new_conversation(model=self.model, system=self._system)
        try:
            sent = self._agent.send(str(made["id"]), question, **asked)
        except ClientProblem:
            # What was refused leaves nothing behind in the list of conversations.
            self._agent.call("DELETE", f"/conversations/{made['id']}")
            raise
        self.conversation_id = str(made["id"])
        return sent

    def change_model(self, name: str) -> str:
        """Asks with this model from now on; answers what to say of it. Raises ClientProblem, and
        keeps the model from before, if it is known that there is none of this name."""
        there = [one["name"] for one in self._agent.models()] if name else []
        if there:
            try:
                self._agent.model(name)
            except NotFound as problem:
                stays = f"The model stays {self.model or 'the default'}."
                raise NotFound(f"{problem} There are: {', '.join(there)}. {stays}") from None
        self.model = name or None
        unseen = "" if there or not name else " (not looked up: no model is connected now)"
        return f"model: {self.model or 'the default'}{unseen}"

    def stop(self) -> int:
        """Stops every run of this conversation; says how many."""
        live = [
            run
            for state in ("running", "queued")
            for run in self._agent.items("/runs", state=state)
            if run.get("conversation_id") == self.conversation_id
        ]
        for run in live:
            self._agent.cancel(str(run["id"]))
        return len(live)


def _question(words: list[str]) -> str | None:
    """The question, or None where a person wants to talk."""
    if not words and sys.stdin.isatty():
        return None
    piped = read_piped() if not words or "-" in words else ""
    text = " ".join(piped if word == "-" else word for word in words) if words else piped
    if not text.strip():
        raise fail("There is no question: give it as TEXT, or pipe it in.", 2)
    return text.strip()


def _upload(agent: "Agent", picture: Path) -> str:
    try:
        return agent.upload(picture)
    except OSError as err:
        raise fail(f"The picture {picture} cannot be read: {err.strerror}.", 2) from None


def _found(agent: "Agent", wanted: str) -> str:
    if wanted != "last":
        return str(agent.json("GET", f"/conversations/{wanted}")["id"])
    latest: dict[str, str] = {}
    for one in agent.items("/conversations", limit=50):  # the pinned ones first, then the latest
        if not latest or one["updated_at"] > latest["updated_at"]:
            latest = one
        if not one["pinned"]:
            return latest["id"]
    if latest:
        return latest["id"]
    raise fail("There is no conversation yet to go on with.")


def _converse(session: _Session, history: Path) -> None:
    typer.secho(LOOP_HELP, err=True, dim=True)
    _remember(history)
    while True:
        try:
            line = input("> ").strip()
        except UnicodeDecodeError:
            typer.secho(NO_TEXT.format(what="What was typed"), err=True)
            continue
        except (EOFError, KeyboardInterrupt):
            typer.echo()
            return
        if line in {"/quit", "/exit"}:
            return
        try:
            if line.startswith("/"):
                _command(session, line)
            elif line:
                session.ask(line)
        except ClientProblem as problem:
            typer.secho(clean(hint(str(problem))), err=True)


def _command(session: _Session, line: str) -> None:
    name, _, value = line.partition(" ")
    if name == "/new":
        session.conversation_id = None
        note("a new conversation")
    elif name == "/model":
        note(session.change_model(value.strip()))
    elif name == "/stop":
        note(f"{session.stop()} stopped")
    else:
        if name != "/help":
            typer.secho(clean(f"There is no command {name}."), err=True)
        typer.secho(LOOP_HELP, err=True, dim=True)


def _remember(history: Path) -> None:
    """Arrow keys bring back what was typed, also by the next start."""
    try:
        import readline  # platform only
    except ImportError:
        return
    with suppress(OSError):
        history.touch(mode=0o600)
        readline.read_history_file(history)
    readline.set_history_length(HISTORY_LINES)

    def save() -> None:
        with suppress(OSError):
            readline.write_history_file(history)

    atexit.register(save)
