"""A command line that tells in plain words what it does not take."""

import io
import json
import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from agent.shared import colour
from agent.shared.standard_output import answering

F = TypeVar("F", bound=Callable[..., Any])  # Any: of every command
WORDS = {
    "Input should be a valid integer": "A whole number is wanted.",
    "Input should be a valid number": "A number is wanted.",
    "Input should be a valid boolean": "Yes or no is wanted.",
}
NO_TEXT = "{what} is not UTF-8. Set the terminal to UTF-8, or whatever starts this command."
NOT_PIPED = "What is piped in is not {encoding}. Convert it first, such as with `iconv`."
# Everything that could steer a terminal: a model's text is a stranger's text.
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class PlainGroup(TyperGroup):
    """Commands whose mistakes are told without the words of the library that finds them, and
    whose text never fails for the encoding of the terminal or pipe that it goes to."""

    def main(self, *args: Any, **options: Any) -> Any:  # Any: as the library has it
        """Runs the command line, and leaves with its exit code."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="strict")  # else broken text comes in, and fails later
        with answering():
            return super().main(*args, **options)

    def invoke(self, ctx: Any) -> Any:  # Any: as the library has it
        """Raises BadParameter, as every group, with another sentence."""
        if not colour.is_wanted():
            ctx.color = False  # of all commands below it, too
        try:
            return super().invoke(ctx)
        except typer.BadParameter as err:
            err.message = in_words(err.message)
            raise


class PlainCommand(TyperCommand):
    """A command that takes no text which could not be sent on. Names of files may be any bytes."""

    def invoke(self, ctx: Any) -> Any:  # Any: as the library has it
        """Raises Exit before anything is done."""
        for param in self.params:
            value = ctx.params.get(param.name)
            texts = value if isinstance(value, (list, tuple)) else [value]
            if not all(is_text(text) for text in texts if isinstance(text, str)):
                option = next((name for name in param.opts if name.startswith("--")), None)
                name = option or param.metavar or str(param.name).upper()
                typer.echo(NO_TEXT.format(what=name), err=True)
                raise typer.Exit(2)
        return super().invoke(ctx)


class CommandLine(typer.Typer):
    """Commands that are plain in what they take."""

    def command(self, *args: Any, **options: Any) -> Callable[[F], F]:  # Any: the library's own
        """As every `command`."""
        return super().command(*args, cls=PlainCommand, **options)


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8. What came in as something else holds halves of
    characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_piped(*, line: bool = False) -> str:
    """What is piped in, or its first line. Raises Exit where it is no text."""
    try:
        return sys.stdin.readline() if line else sys.stdin.read()
    except UnicodeDecodeError as err:
        typer.echo(NOT_PIPED.format(encoding=err.encoding.upper()), err=True)
        raise typer.Exit(2) from None


def clean(text: str) -> str:
    """`text` without what could move the cursor, colour or retitle the terminal."""
    return _STEERING.sub("", text)


def sayable(text: str, otherwise: str) -> str:
    """`text`, or the other one where the encoding of stdout lacks it."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return otherwise
    return text


def echo_data(text: str) -> None:
    """For programs and files: whole, which wants UTF-8 whatever the encoding of the console is."""
    typer.echo(text if sys.stdout.isatty() else text.encode(errors="replace"))


def echo_json(value: object) -> None:
    """For programs: whole, and on stdout."""
    echo_data(json.dumps(value, indent=2, ensure_ascii=False))


def in_words(message: str) -> str:
    """What is wrong with a value, for the person who wrote it."""
    for beginning, sentence in WORDS.items():
        if message.startswith(beginning):
            return sentence
    return message.removeprefix("Value error, ")
