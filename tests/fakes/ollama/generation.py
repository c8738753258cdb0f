"""POST /api/chat and /api/generate."""

import asyncio
import secrets
import string
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import checks
from .answer import NDJSON, Answer, CutError, RefusedError, lines, stall
from .behaviour import Behaviour
from .catalogue import Model
from .gojson import Json
from .scheduler import FIVE_MINUTES
from .speech import Piece, Speech, speech
from .state import State, blocks_of
from .wire import now

DEFAULT_CONTEXT = 4096
PROMPT_TOKENS = 12  # what the template of the recorded models adds around an answer


@dataclass(slots=True)
class Turn:
    """One request to generate, checked, and what is counted while it is answered."""

    model: Model
    body: dict[str, Json]
    behave: Behaviour
    chat: bool
    options: dict[str, Json]
    context: int
    prompt_tokens: int = 0
    tokens: int = 0
    reason: str = "stop"
    began: int = field(default_factory=time.monotonic_ns)
    load_duration: int = 0
    first_token: int | None = None

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is not False

    def frame(self, said: dict[str, Json], *, done: bool = False) -> dict[str, Json]:
        """The beginning of every frame; `said` has content, thinking, tool_calls."""
        start = {"model": self.body["model"], "created_at": now()}
        if self.chat:
            return {**start, "message": {"role": "assistant", **said}, "done": done}
        calls = {"tool_calls": said["tool_calls"]} if "tool_calls" in said else {}
        thinking = {"thinking": said["thinking"]} if "thinking" in said else {}
        return {**start, "response": said["content"], **thinking, "done": done, **calls}

    def last(self, said: dict[str, Json], *pieces: Piece) -> dict[str, Json]:
        """The done frame, with the counts as they are now, and the chances of `pieces` if asked."""
        frame = self.frame(said, done=True) | {
            "done_reason": self.behave.done_reason or self.reason
        }
        chances = _logprobs(self, *pieces) if pieces else {}
        if self.chat:
            frame |= chances
        if not self.chat and not self.body.get("raw"):
            frame["context"] = list(range(259, 259 + self.prompt_tokens + self.tokens))
        if self.behave.metrics:
            frame |= self._metrics()
        calls = frame.pop("tool_calls", None)  # comes behind the metrics
        frame |= {} if calls is None else {"tool_calls": calls}
        return frame | chances

    def _metrics(self) -> dict[str, int]:
        end = time.monotonic_ns()
        first = self.first_token or end
        microsecond = 1_000
        counted = {
            "total_duration": end - self.began,
            "load_duration": max(self.load_duration, 1),
            "prompt_eval_count": self.prompt_tokens,
            "prompt_eval_duration": max(first - self.began, microsecond) // 1_000 * 1_000,
            "eval_count": self.tokens,
            "eval_duration": max(end - first, microsecond) // 1_000 * 1_000,
        }
        return {name: number for name, number in counted.items() if number}


async def chat(state: State, answer: Answer) -> None:
    body = checks.parsed("/api/chat", answer.request.body)
    if not body.get("model"):
        raise RefusedError(400, "model is required")
    await generate_answer(state, answer, body, chat=True)


async def generate(state: State, answer: Answer) -> None:
    body = checks.parsed("/api/generate", answer.request.body)
    body.setdefault("model", "")
    if body.get("raw") and any(body.get(name) for name in ("template", "system", "context")):
        raise RefusedError(400, "raw mode does not support template, system, or context")
    await generate_answer(state, answer, body, chat=False)


async def generate_answer(
    state: State, answer: Answer, body: dict[str, Json], *, chat: bool
) -> None:
    """Checks, waits for the model, and streams or sends the answer as the native routes do."""
    turn = begin(state, answer, body, chat=chat)
    empty = not body.get("messages") if chat else not body.get("prompt")
    if empty and body.get("keep_alive") is not None and checks.nanoseconds(body["keep_alive"]) == 0:
        await answer.delay()
        state.scheduler.unload(turn.model)
        await answer.json(turn.frame({"content": ""}, done=True) | {"done_reason": "unload"})
        return
    async with slot(state, turn):
        if empty:
            await answer.delay()
            await answer.json(turn.frame({"content": ""}, done=True) | {"done_reason": "load"})
        elif state.bulk_tokens is not None and turn.streams:
            await answer.pre_encoded(bulk(state, turn, answer))
        elif turn.streams:
            await ready(turn, answer)
            await answer.stream(NDJSON, lines(frames(turn), answer.behave))
        else:
            await ready(turn, answer)
            await answer.json(await whole(turn))


def begin(state: State, answer: Answer, body: dict[str, Json], *, chat: bool) -> Turn:
    """The checks that come before the model is needed. Raises RefusedError."""
    if not 0 <= (body.get("top_logprobs") or 0) <= 20:
        raise RefusedError(400, "top_logprobs must be between 0 and 20")
    if body["model"]:
        checks.check_name(body["model"])
    model = state.get(body["model"], missing=f"model '{body['model']}' not found")
    checks.check_abilities(model, body, "chat" if chat else "generate")
    options = checks.options(body)
    context = int(options.get("num_ctx") or DEFAULT_CONTEXT)
    if "vision" in model.capabilities:
        context = max(context, 2048)
    context = min(context, model.context_length)
    return Turn(model, body, answer.behave, chat, options, context)


def slot(state: State, turn: Turn) -> Any:  # Any: an async context manager
    keep = turn.body.get("keep_alive")
    return state.scheduler.slot(
        turn.model,
        context=turn.context,
        keep_alive=FIVE_MINUTES if keep is None else checks.nanoseconds(keep),
        load_seconds=turn.behave.load_seconds,
    )


async def ready(turn: Turn, answer: Answer) -> None:
    """The checks of the engine, and the wait before the first byte. Raises RefusedError."""
    turn.load_duration = max(time.monotonic_ns() - turn.began, 1)
    checks.check_format(turn.body.get("format"), in_stream=turn.streams)
    checks.check_images(turn.model, turn.body, in_stream=turn.streams)
    turn.prompt_tokens = _prompt_tokens(turn)
    await answer.delay()


def _prompt_tokens(turn: Turn) -> int:
    """What is left when the oldest messages are dropped until the rest fits; system ones stay."""
    if not turn.chat:
        sizes = [_tokens(turn, str(turn.body.get("prompt")), 10)]
        system = _tokens(turn, str(turn.body["system"]), 12) if turn.body.get("system") else 0
    else:
        messages = turn.body["messages"]
        systems = [one for one in messages if one.get("role") == "system"]
        system = sum(_message_tokens(turn, one) for one in systems)
        sizes = [_message_tokens(turn, one) for one in messages if one not in systems]
    if turn.body.get("truncate") is not False:
        while len(sizes) > 1 and system + sum(sizes) + PROMPT_TOKENS > turn.context:
            sizes.pop(0)
    total = system + sum(sizes) + PROMPT_TOKENS
    if total > turn.context:
        text = checks.wrapped(
            f"request ({total} tokens) exceeds the available context size "
            f"({turn.context} tokens), try increasing it",
            "exceed_context_size_error",
            n_prompt_tokens=total,
            n_ctx=turn.context,
        )
        raise RefusedError(400, text, in_stream=turn.streams)
    return total


def _message_tokens(turn: Turn, message: Mapping[str, Json]) -> int:
    size = _tokens(turn, str(message.get("content") or ""), 6 + len(str(message.get("role"))))
    return size + 16 * len(message.get("images") or [])


def _tokens(turn: Turn, text: str, around: int) -> int:
    return -(-len(text) // turn.model.characters_per_token) + around


def frames(turn: Turn) -> Iterator[dict[str, Json]]:
    """Every frame of a stream, the done frame last."""
    said = speech(turn.model, turn.body, turn.behave, chat=turn.chat)
    for piece in _spoken(turn, said):
        yield turn.frame(_message(piece)) | _logprobs(turn, piece)
    calls = _calls(said)
    if calls and not said.call_in_done:
        yield turn.frame({"content": "", **calls})
        calls = {}
    yield turn.last({"content": turn.behave.done_text, **calls})


async def whole(turn: Turn) -> dict[str, Json]:
    """The answer with stream:false; half of one if asked for. Raises RefusedError, CutError."""
    behave, said = turn.behave, speech(turn.model, turn.body, turn.behave, chat=turn.chat)
    pieces = list(_spoken(turn, said))
    if behave.pace:
        await asyncio.sleep(len(pieces) / behave.pace)
    if behave.stall_after is not None:
        await stall()
    if behave.reset_after is not None or behave.close_after is not None:
        raise CutError(reset=behave.reset_after is not None)
    if behave.die_after is not None:
        raise RefusedError(500, behave.die_text)
    thought = "".join(piece.thinking for piece in pieces)
    content = "".join(piece.content for piece in pieces) + behave.done_text
    message = {"content": content, **({"thinking": thought} if thought else {}), **_calls(said)}
    if behave.end_after is not None:
        return turn.frame(message)
    return turn.last(message, *pieces)


def _message(piece: Piece) -> dict[str, Json]:
    thinking = {"thinking": piece.thinking} if piece.thinking else {}
    return {"content": piece.content, **thinking}


def _logprobs(turn: Turn, *pieces: Piece) -> dict[str, Json]:
    if not turn.body.get("logprobs"):
        return {}
    texts = [piece.content or piece.thinking for piece in pieces]
    return {
        "logprobs": [
            {"token": text, "logprob": -4.818910121917725, "bytes": list(text.encode())}
            for text in texts
        ]
    }


def _calls(said: Speech) -> dict[str, Json]:
    if said.call is None:
        return {}
    calls = [said.call] if isinstance(said.call, Mapping) else said.call
    return {
        "tool_calls": [
            {
                "id": _call_id(said),
                "function": {"index": at, "name": one["name"], "arguments": one["arguments"]},
            }
            for at, one in enumerate(calls)
        ]
    }


def _call_id(said: Speech) -> str:
    letters = string.ascii_lowercase + string.digits if said.id_prefix else string.ascii_letters
    length = 8 if said.id_prefix else 32
    return said.id_prefix + "".join(secrets.choice(letters) for _ in range(length))


def _spoken(turn: Turn, said: Speech) -> Iterator[Piece]:
    """The pieces up to a stop string or the limit; counts them. A piece that may be the
    beginning of a stop string is kept back until that is known."""
    stops, held = turn.options.get("stop") or [], ""
    limit = int(turn.options.get("num_predict", -1))
    limit = 10 * turn.context if limit < 0 else limit
    if turn.body.get("shift") is False:
        limit = min(limit, turn.context - turn.prompt_tokens)
    turn.first_token = time.monotonic_ns()
    for piece in said.pieces:
        if turn.tokens >= limit:
            turn.reason = "length"
            break
        turn.tokens += 1
        held += piece.content
        found = [held.index(stop) for stop in stops if stop in held]
        if found:
            if min(found):
                yield Piece(held[: min(found)])
            return
        if any(held.endswith(stop[:size]) for stop in stops for size in range(1, len(stop))):
            continue
        yield Piece(held, piece.thinking)
        held = ""
    else:
        turn.reason = "length" if turn.tokens >= limit else "stop"
        turn.tokens += said.silent if turn.tokens < limit else 0
    if held:
        yield Piece(held)


async def bulk(state: State, turn: Turn, answer: Answer) -> AsyncIterator[tuple[int, bytes]]:
    """Frames made beforehand: in blocks of 64, or one by one when a pace is set."""
    ready_made = blocks_of(state, turn.body["model"], chat=turn.chat)
    left, began = state.bulk_tokens or 0, time.monotonic()
    block, pace = b"".join(ready_made), state.bulk_pace or answer.behave.pace
    turn.tokens = left
    await answer.delay()
    while left and not pace:
        count = min(left, len(ready_made))
        yield count, block if count == len(ready_made) else b"".join(ready_made[:count])
        left -= count
    for number in range(left):
        await asyncio.sleep(max(0, began + number / (pace or 1) - time.monotonic()))
        yield 1, ready_made[number % len(ready_made)]
    done = b"".join(lines([turn.last({"content": ""})], answer.behave))
    yield 1, b"%x\r\n%b\r\n" % (len(done), done)
