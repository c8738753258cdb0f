"""A command line that tells in plain words what it does not take."""

import re
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
    """Commands whose mistakes are told without the words of the library that finds them."""

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


def in_words(message: str) -> str:
    """What is wrong with a value, for the person who wrote it."""
    for beginning, sentence in WORDS.items():
        if message.startswith(beginning):
            return sentence
    return message.removeprefix("Value error, ")
