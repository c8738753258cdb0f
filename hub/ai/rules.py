"""What is asked of the team's models, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agent.inference.rules import Message
from agent.runs.rules import Run, RunState

Use = Literal["chat", "code"]
ANSWER = "answer"  # the purpose of a run that leaves nothing but its events
GENERATED = "generated"  # of a run of /ai/generate: whoever registers it keeps the files


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One answer, before models and limits are looked at. The images of `messages` are data URLs.

    `use` says which defaults hold: those of code are a context of 64,000 tokens and an answer of
    60,000."""

    messages: tuple[Message, ...]
    model: str | None = None
    use: Use = "chat"
    options: Mapping[str, object] = field(default_factory=dict)
    think: bool | str | None = None
    format: object | None = None
    tools: tuple[Mapping[str, object], ...] = ()
    tool_choice: object | None = None
    logprobs: bool = False
    top_logprobs: int = 0
    keep_alive: str | int | None = None

    @property
    def has_images(self) -> bool:
        return any(message.images for message in self.messages)


@dataclass(frozen=True, slots=True)
class OwnedRun:
    """A run and whose it is. `purpose` says what it is for and `about` what that purpose wants to
    know of it: a few plain JSON values, given when it was started. `provider` and `usage` are
    known at its end."""

    run: Run
    account_id: str
    purpose: str = ANSWER
    model: str = ""
    about: Mapping[str, object] = field(default_factory=dict)
    provider: str = ""
    usage: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a run, however it ended: `content` holds what there is of the text. `usage` is
    empty if nothing was written; with `is_estimate` it was counted here."""

    state: RunState
    content: str
    thinking: str
    model: str
    provider: str
    usage: Mapping[str, object]
    finish_reason: str | None
    problem: Mapping[str, object] | None
