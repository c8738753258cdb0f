"""A command line that tells in plain words what it does not take."""

import io
import json
import re
import sys
from typing import Any

import typer
from typer.core import TyperGroup

WORDS = {
    "Input should be a valid integer": "A whole number is wanted.",
    "Input should be a valid number": "A number is wanted.",
    "Input should be a valid boolean": "Yes or no is wanted.",
}
# Everything that could steer a terminal: a model's text is a stranger's text.
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class PlainGroup(TyperGroup):
    """Commands whose mistakes are told without the words of the library that finds them, and
    whose text never fails for the encoding of the terminal or pipe that it goes to."""

    def main(self, *args: Any, **options: Any) -> Any:  # Any: as the library has it
        """Runs the command line, and leaves with its exit code."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        return super().main(*args, **options)

    def invoke(self, ctx: Any) -> Any:  # Any: as the library has it
        """Raises BadParameter, as every group, with another sentence."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as err:
            err.message = in_words(err.message)
            raise


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
