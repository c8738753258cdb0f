"""Asking: a question is kept, and a run that answers it set going, in one transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.chat.answering import Answer, Parts, Question
from agent.chat.shapes import message_json
from agent.chat.store import Conversations, Messages, Row, no_conversation, present
from agent.inference.inference import Who
from agent.inference.options import checked
from agent.inference.turns import title_of
from agent.models.rules import Model, can_see
from agent.runs.rules import Run, RunState
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.errors import Conflict, Invalid, NotFound, OrcaError
from agent.slicer.advice.rules import Wanted

BLANK_MESSAGE: dict[str, object] = {
    "content": "",
    "thinking": "",
    "images": [],
    "model": None,
    "provider": None,
    "run_id": None,
    "usage": None,
    "sources": [],
    "trimmed": 0,
    "problem": None,
    "context": None,
}
ANYBODY = Who()
LOOK_BACK = 8  # messages
WRITING = "The last answer is still being written. Wait for it, or stop it first."
NOT_SAVED = "The last answer could not be saved yet; that is tried every few seconds. {why}"
ACTIVE_BRANCH = "the active branch"  # stands for an absent parent_id, which is not null


@dataclass(frozen=True, slots=True)
class Asked:
    """A new question. `parent_id` is ACTIVE_BRANCH, None (a new root) or a message."""

    content: str
    images: tuple[str, ...] = ()
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  # Any: checked by check_options
    parent_id: str | None = ACTIVE_BRANCH
    who: Who = ANYBODY
    context: Wanted | None = None  # None: as the question before


@dataclass(frozen=True, slots=True)
class Above:
    """What stands before a question, down to `leaf`; `rows` is None where that is a lot."""

    leaf: str | None
    rows: list[Row] | None

    @property
    def has_images(self) -> bool:
        """Whether one may well ask on about a picture."""
        return any(row["images"] for row in (self.rows or [])[-LOOK_BACK:])

    def is_whole(self, message_id: str | None) -> bool:
        """Whether that message is here, and written to its end."""
        rows = self.rows or []
        return any(row["id"] == message_id and row["status"] != "streaming" for row in rows)

    @property
    def context(self) -> Wanted:
        """What the question before was about."""
        asked = [row for row in self.rows or [] if row["role"] == "user"]
        return context_of(asked[-1]) if asked else Wanted()


class AskingService:
    """The run is launched once its question is committed."""

    def __init__(self, parts: Parts, runs: RunService, clock: Clock, new_id: NewId) -> None:
        self._parts, self._runs, self._clock, self._new_id = parts, runs, clock, new_id
        self._database = parts.database

    async def ask(
        self, conversation_id: str, asked: Asked, *, key: str | None = None
    ) -> tuple[dict[str, object], Run]:
        """Keeps a question and sets its answer going; the same key again is the same run.

        Raises NotFound, Conflict (still answering, key used for something else) and Invalid."""
        if not asked.content.strip() and not asked.images:
            raise Invalid("empty-message", "The message is empty. Write something first.")
        options = checked(asked.options)
        fingerprint = _hash(
            "ask",
            conversation_id,
            asked.content,
            asked.images,
            asked.model,
            options,
            asked.parent_id,
            *([asdict(asked.context)] if asked.context else []),
        )
        self._parts.inference.first_words.expect()
        commits = self._database.commits
        async with self._database.reading() as connection:
            conversation = await present(connection, conversation_id)
            named = asked.model or conversation["model"]
            above = await _above(connection, conversation_id, _parent_of(asked, conversation))
        wanted = above.context if asked.context is None else asked.context
        chosen = await self._model(named, asked.images, above, asked.context)
        now = rfc3339(self._clock())
        async with self._runs.launching() as launching, self._database.writing() as connection:
            if key and (known := await self._known(connection, key, fingerprint)):
                return known
            model = _given(chosen)
            if self._database.commits != commits:
                conversation = await present(connection, conversation_id)
            parent_id = _parent_of(asked, conversation)
            if self._database.commits != commits or not above.is_whole(parent_id):
                await self._check_parent(connection, conversation_id, parent_id)
            question: dict[str, object] = {
                **BLANK_MESSAGE,
                "id": self._new_id(),
                "conversation_id": conversation_id,
                "parent_id": parent_id,
                "role": "user",
                "content": asked.content,
                "images": list(asked.images),
                "status": "complete",
                "created_at": now,
                "context": None if wanted.is_empty else asdict(wanted),
            }
            run = await self._begin(
                connection, conversation, question, model, fingerprint, key, is_new=True
            )
            about = _about(run, conversation, question, model, named, options, above, asked.who)
            launching.launch(run, Answer(about, self._parts))
        return message_json(question), run

    async def regenerate(
        self,
        message_id: str,
        *,
        model: str | None,
        options: Mapping[str, Any],
        key: str | None = None,
        who: Who = ANYBODY,
    ) -> tuple[dict[str, object], Run]:
        """Another answer beside the one of this message. Raises as `ask`."""
        options = checked(options)
        fingerprint = _hash("regenerate", message_id, model, options)
        async with self._database.reading() as connection:
            question = await _question_of(connection, message_id)
            conversation = await present(connection, question["conversation_id"])
            named = model or conversation["model"]
            above = await _above(connection, conversation["id"], question["parent_id"])
        chosen = await self._model(named, question["images"], above)
        async with self._runs.launching() as launching, self._database.writing() as connection:
            if key and (known := await self._known(connection, key, fingerprint)):
                return known
            given = _given(chosen)
            conversation = await present(connection, question["conversation_id"])
            run = await self._begin(
                connection, conversation, question, given, fingerprint, key, is_new=False
            )
            about = _about(run, conversation, question, given, named, options, above, who)
            launching.launch(run, Answer(about, self._parts))
        return message_json(question), run

    async def _check_parent(
        self, connection: AsyncConnection, conversation_id: str, parent_id: str | None
    ) -> None:
        if parent_id is None:
            return
        parent = await Messages(connection).find(parent_id)
        if parent is None or parent["conversation_id"] != conversation_id:
            raise Invalid("no-such-parent", "parent_id names no message of this conversation.")
        if parent["status"] == "streaming":
            run_id = parent["run_id"]
            why = self._runs.unsaved(run_id)
            raise Conflict(
                "still-answering", NOT_SAVED.format(why=why) if why else WRITING, run_id=run_id
            )

    async def _begin(
        self,
        connection: AsyncConnection,
        conversation: Row,
        question: Mapping[str, object],
        model: Model | None,
        fingerprint: str,
        key: str | None,
        *,
        is_new: bool,
    ) -> Run:
        now = rfc3339(self._clock())
        answer_id, run_id = self._new_id(), self._new_id()
        answer = {
            **BLANK_MESSAGE,
            "id": answer_id,
            "conversation_id": conversation["id"],
            "parent_id": question["id"],
            "role": "assistant",
            "model": model.name if model else None,
            "status": "streaming",
            "created_at": now,
            "run_id": run_id,
        }
        run = Run(run_id, "chat", RunState.QUEUED, now, str(conversation["id"]), answer_id)
        await Messages(connection).add([question, answer] if is_new else [answer])
        await Runs(connection).add(run, key=key, request_hash=fingerprint)
        change: dict[str, object] = {
            "active_message_id": answer_id,
            "updated_at": now,
            "message_count": conversation["message_count"] + (2 if is_new else 1),
        }
        if conversation["title_is_automatic"] and not conversation["title"]:
            change["title"] = title_of(str(question["content"]))
        await Conversations(connection).change(str(conversation["id"]), change)
        return run

    async def _known(
        self, connection: AsyncConnection, key: str, fingerprint: str
    ) -> tuple[dict[str, object], Run] | None:
        known = await Runs(connection).find_by_key(key)
        if known is None:
            return None
        run, asked_before = known
        if asked_before != fingerprint:
            raise Conflict(
                "key-reused", "This Idempotency-Key was used for another request. Make a new one."
            )
        messages = Messages(connection)
        answer = await messages.find(str(run.message_id))
        question = answer and await messages.find(answer["parent_id"])
        if question is None:
            raise no_conversation()
        live = self._runs.live(run.id)
        return message_json(question), live.run if live else run

    async def _model(
        self,
        named: str | None,
        images: Sequence[str],
        above: Above,
        context: Wanted | None = None,
    ) -> Model | OrcaError | None:
        """The model that answers; None where only the guide can.

        Why there is none comes as a value: the same request sent twice is answered the same,
        also where the model has gone meanwhile."""
        models = self._parts.models
        try:
            if absent := await self._parts.images.missing(list(images)):
                raise Invalid("no-such-image", f"Upload these pictures first: {', '.join(absent)}.")
            if context is not None:
                await self._parts.desk.check(context)
            chosen = None
            if named is None and above.has_images:
                with suppress(Invalid):  # none sees: one that reads is better than none
                    chosen = await models.choose(None, needs_vision=True)
            if chosen is None:
                chosen = await models.choose(named, needs_vision=bool(images))
            if chosen is not None:
                self._parts.queues.before(images=images).check_room()
        except OrcaError as err:
            return err
        return chosen


async def _above(connection: AsyncConnection, conversation_id: str, leaf: str | None) -> Above:
    return Above(leaf, await Messages(connection).near(conversation_id, leaf) if leaf else [])


def context_of(question: Mapping[str, Any]) -> Wanted:  # Any: a row's values
    """What a kept question is about."""
    kept = question["context"] or {}
    return Wanted(kept.get("file_id"), kept.get("preset"), tuple(kept.get("without", ())))


def _about(
    run: Run,
    conversation: Row,
    question: Mapping[str, Any],
    model: Model | None,
    named: str | None,
    options: Mapping[str, object],
    above: Above,
    who: Who,
) -> Question:
    return Question(
        answer_id=str(run.message_id),
        content=question["content"],
        images=tuple(question["images"]),
        parent_id=question["parent_id"],
        above=above.rows if above.leaf == question["parent_id"] else None,
        named=named,
        model=model.name if model else None,
        context_length=model.context_length if model else None,
        sees=model is not None and can_see(model),
        abilities=model.capabilities if model else (),
        wanted=context_of(question),
        system=conversation["system"],
        options=options,
        who=who,
    )


def _parent_of(asked: Asked, conversation: Row) -> str | None:
    is_next = asked.parent_id == ACTIVE_BRANCH
    parent_id: str | None = conversation["active_message_id"] if is_next else asked.parent_id
    return parent_id


def _given(chosen: Model | OrcaError | None) -> Model | None:
    if isinstance(chosen, OrcaError):
        raise chosen
    return chosen


async def _question_of(connection: AsyncConnection, message_id: str) -> Row:
    """The question that a message is, or that it answers. Raises NotFound or Invalid."""
    messages = Messages(connection)
    row = await messages.find(message_id)
    if row is not None and row["role"] == "assistant" and row["parent_id"]:
        row = await messages.find(row["parent_id"])
    if row is None:
        raise NotFound("no-such-message", "There is no message with this id.")
    if row["role"] != "user":
        raise Invalid("not-a-question", "Only an answer or its question can be repeated.")
    return row


def _hash(*parts: object) -> str:
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
