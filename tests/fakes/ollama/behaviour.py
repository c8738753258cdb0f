"""How the fake may be asked to misbehave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

RUNNER_DIED = "an error was encountered while running the model: unexpected EOF"
WRAPPED_ERROR = '{"error":{"code":400,"message":"Failed to load image or audio file","type":"x"}}'


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Everything off: the behaviour of the recordings. Times in seconds, sizes in bytes.

    `..._after=N` acts in place of frame N+1; 0 means before the first byte.
    """

    delay: float = 0  # before the first byte of the answer
    pace: float | None = None  # frames a second; None: as fast as they come
    load_seconds: float = 0  # each load of a model; ps does not show it until it is loaded
    stall_after: int | None = None  # says nothing more, for ever
    reset_after: int | None = None  # TCP reset
    close_after: int | None = None  # closes without the last chunk, as a stopped Ollama
    end_after: int | None = None  # ends properly without done:true, as the loop guard
    die_after: int | None = None  # ends with the error line `die_text`, as a killed runner
    die_text: str = RUNNER_DIED
    broken_line_after: int | None = None  # a line of broken JSON between frames
    status: int | None = None  # an error answer before the first frame ...
    error: str = "something went wrong"  # ... and its text
    full: bool = False  # 503, as with a full queue
    vanished: bool = False  # 404, as if the model were gone since it was listed
    html: bool = False  # 200 with a page of some other server
    garbage: bool = False  # bytes that are no HTTP
    redirect: str | None = None  # 307 to this address
    split: int | None = None  # writes of this many bytes, each its own TCP segment
    coalesce: bool = False  # head and all frames in one write
    giant: int | None = None  # the first frame's text has this many characters
    extra_field: bool = False  # a field nobody knows in every JSON object
    huge_tags: int | None = None  # this many models more in /api/tags
    text: str | None = None  # answers this text
    thinking: str | None = None  # thinks this text before
    # {"name", "arguments"}: calls this tool at the end; several are called in one go
    tool_call: Mapping[str, object] | Sequence[Mapping[str, object]] | None = None
    call_in_done: bool = False  # ... inside the done frame, as models with their own template do
    done_text: str = ""  # text on the done frame
    metrics: bool = True  # False: no counts and durations on the done frame
    done_reason: str | None = None
    script: Sequence[tuple[float, object]] | None = None  # (delay, dict frame | bytes of one chunk)
    raw_script: Sequence[tuple[float, bytes]] | None = None  # (delay, bytes), no head; then closes

    @property
    def answers_early(self) -> bool:
        """Whether the answer does not depend on the request at all."""
        odd = (self.status, self.redirect, self.raw_script, self.script)
        return any(one is not None for one in odd) or any(
            (self.full, self.vanished, self.html, self.garbage)
        )


NAMES = frozenset(field.name for field in fields(Behaviour))


@dataclass(slots=True)
class Rule:
    """A misbehaviour for some requests; `left` counts down to the end of it."""

    path: str | None
    model: str | None
    left: int | None
    what: dict[str, Any]  # Any: Behaviour's fields

    def fits(self, path: str, model: str | None) -> bool:
        if self.left == 0 or self.path not in (None, path):
            return False
        return self.model is None or (model is not None and same_model(self.model, model))


def same_model(one: str, other: str) -> bool:
    """Names are one with and without :latest, and in any case."""
    return one.lower().removesuffix(":latest") == other.lower().removesuffix(":latest")


def chosen(rules: list[Rule], base: Behaviour, path: str, model: str | None) -> Behaviour:
    """`base` with every rule that fits laid over it, newest last; takes one off their counts."""
    for rule in rules:
        if rule.fits(path, model):
            base = replace(base, **rule.what)
            if rule.left is not None:
                rule.left -= 1
    return base
