"""What one can do with conversations: open, ask, ask again, change, find, delete, undo."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.chat.answering import Answer, Parts, Question
from agent.chat.rules import fts_query, title_of
from agent.chat.shapes import conversation_json, message_json
from agent.chat.store import Conversations, Messages, Row
from agent.inference.options import checked
from agent.models.rules import Model
from agent.runs.rules import Run, RunState
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.errors import Conflict, Invalid, Malformed, NotFound, OrcaError

KEEP_DELETED = timedelta(days=7)
SCAN_HITS = 500
SNIPPETS_EACH = 3
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
}
ACTIVE_BRANCH = "the active branch"  # stands for an absent parent_id, which is not null


@dataclass(frozen=True, slots=True)
class Asked:
    """A new question. `parent_id` is ACTIVE_BRANCH, None (a new root) or a message."""

    content: str
    images: tuple[str, ...] = ()
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  # Any: checked by check_options
    parent_id: str | None = ACTIVE_BRANCH


class ChatService:
    """Every change is one transaction; a run is launched once it is committed."""

    def __init__(self, parts: Parts, runs: RunService, clock: Clock, new_id: NewId) -> None:
        self._parts, self._runs, self._clock, self._new_id = parts, runs, clock, new_id
        self._database = parts.database

    async def open(
        self, *, title: str | None, model: str | None, system: str | None
    ) -> dict[str, object]:
        """A new, empty conversation."""
        now = rfc3339(self._clock())
        values: dict[str, object] = {
            "id": self._new_id(),
            "title": title or "",
            "title_is_automatic": not title,
            "model": model,
            "system": system,
            "created_at": now,
            "updated_at": now,
            "archived": False,
            "pinned": False,
            "active_message_id": None,
            "message_count": 0,
        }
        async with self._database.writing() as connection:
            await Conversations(connection).add(values)
        return conversation_json(values)

    async def get(self, conversation_id: str) -> dict[str, object]:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            return conversation_json(await _present(connection, conversation_id))

    async def page(
        self, *, archived: bool, cursor: str | None, limit: int
    ) -> tuple[list[dict[str, object]], str | None]:
        """Pinned first, then the latest. Raises Malformed for a cursor that is not ours."""
        after = _read_cursor(cursor, (int, str, str))
        async with self._database.reading() as connection:
            rows = await Conversations(connection).page(
                archived=archived,
                after=(bool(after[0]), after[1], after[2]) if after else None,
                limit=limit + 1,
            )
        items = [conversation_json(row) for row in rows[:limit]]
        if len(rows) <= limit:
            return items, None
        last = rows[limit - 1]
        return items, _cursor(int(last["pinned"]), last["updated_at"], last["id"])

    async def find(
        self, text: str, *, cursor: str | None, limit: int
    ) -> tuple[list[dict[str, object]], str | None]:
        """Conversations whose title or messages hold every word, newest hits first, with
        snippets. The last word may be unfinished."""
        fts, start = fts_query(text), (_read_cursor(cursor, (int,)) or [0])[0]
        if fts is None:
            return [], None
        async with self._database.reading() as connection:
            store = Conversations(connection)
            hits: dict[str, list[tuple[str | None, int, str | None]]] = {}
            for conversation_id, message_id, number, snippet in await store.matches(fts, SCAN_HITS):
                hits.setdefault(conversation_id, []).append((message_id, number, snippet))
            rows = await store.several(list(hits))
            found = [conversation_id for conversation_id in hits if conversation_id in rows]
            items = []
            for conversation_id in found[start : start + limit]:
                snippets = [
                    {"message_id": message_id, "text": snippet or await store.snippet(fts, number)}
                    for message_id, number, snippet in hits[conversation_id][:SNIPPETS_EACH]
                ]
                items.append(conversation_json(rows[conversation_id]) | {"snippets": snippets})
        more = len(found) > start + limit
        return items, _cursor(start + limit) if more else None

    async def change(self, conversation_id: str, values: Mapping[str, object]) -> dict[str, object]:
        """Changes the fields that are given. Raises NotFound and Invalid."""
        values = dict(values)
        async with self._database.writing() as connection:
            await _present(connection, conversation_id)
            leaf = values.get("active_message_id")
            if leaf is not None:
                row = await Messages(connection).find(str(leaf))
                if row is None or row["conversation_id"] != conversation_id:
                    raise Invalid(
                        "no-such-message", "active_message_id names no message of this one."
                    )
            if "title" in values:
                values["title_is_automatic"] = False
            if values:
                await Conversations(connection).change(conversation_id, values)
            return conversation_json(await _present(connection, conversation_id))

    async def delete(self, conversation_id: str) -> None:
        """Hides it; `restore` brings it back for seven days. Stops what still answers in it."""
        async with self._database.writing() as connection:
            await _present(connection, conversation_id)
            await Conversations(connection).change(
                conversation_id, {"deleted_at": rfc3339(self._clock())}
            )
        for run in await self._runs.latest(RunState.RUNNING, None, 1000):
            if run.conversation_id == conversation_id:
                await self._runs.cancel(run.id)

    async def restore(self, conversation_id: str) -> dict[str, object]:
        """Undoes `delete`. Raises NotFound when it is gone for good."""
        async with self._database.writing() as connection:
            conversations = Conversations(connection)
            row = await conversations.find(conversation_id, deleted=True)
            if row is None:
                raise _no_conversation()
            await conversations.change(conversation_id, {"deleted_at": None})
            return conversation_json(row)

    async def purge(self) -> int:
        """Deletes for good what was deleted over seven days ago; says how many."""
        async with self._database.writing() as connection:
            ids = await Conversations(connection).purge(rfc3339(self._clock() - KEEP_DELETED))
            await Runs(connection).remove_of(ids)
        return len(ids)

    async def messages(
        self, conversation_id: str, *, cursor: str | None, limit: int
    ) -> tuple[list[dict[str, object]], str | None]:
        """The whole tree in the order of writing. Raises NotFound and Malformed."""
        after = (_read_cursor(cursor, (int,)) or [0])[0]
        async with self._database.reading() as connection:
            await _present(connection, conversation_id)
            rows = await Messages(connection).page(conversation_id, after, limit + 1)
        items = [self._told(row) for row in rows[:limit]]
        return items, _cursor(rows[limit - 1]["number"]) if len(rows) > limit else None

    async def ask(
        self, conversation_id: str, asked: Asked, *, key: str | None = None
    ) -> tuple[dict[str, object], Run]:
        """Keeps a question and sets its answer going; the same key again is the same run.

        Raises NotFound, Conflict (still answering, key used for something else) and Invalid."""
        if not asked.content.strip() and not asked.images:
            raise Invalid("empty-message", "The message is empty. Write something first.")
        fingerprint = _hash(
            "ask",
            conversation_id,
            asked.content,
            asked.images,
            asked.model,
            dict(asked.options),
            asked.parent_id,
        )
        options = checked(asked.options)
        async with self._database.reading() as connection:
            conversation = await _present(connection, conversation_id)
        chosen = await self._model(asked.model or conversation["model"], asked.images)
        now = rfc3339(self._clock())
        async with self._database.writing() as connection:
            if key and (known := await self._known(connection, key, fingerprint)):
                return known
            model = _given(chosen)
            conversation = await _present(connection, conversation_id)
            parent_id = asked.parent_id
            if parent_id == ACTIVE_BRANCH:
                parent_id = conversation["active_message_id"]
            await _check_parent(connection, conversation_id, parent_id)
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
            }
            run = await self._begin(
                connection, conversation, question, model, fingerprint, key, is_new=True
            )
        self._launch(run, conversation, question, model, options)
        return message_json(question), run

    async def regenerate(
        self,
        message_id: str,
        *,
        model: str | None,
        options: Mapping[str, Any],
        key: str | None = None,
    ) -> tuple[dict[str, object], Run]:
        """Another answer beside the one of this message. Raises as `ask`."""
        fingerprint = _hash("regenerate", message_id, model, dict(options))
        options = checked(options)
        async with self._database.reading() as connection:
            question = await _question_of(connection, message_id)
            conversation = await _present(connection, question["conversation_id"])
        chosen = await self._model(model or conversation["model"], question["images"])
        async with self._database.writing() as connection:
            if key and (known := await self._known(connection, key, fingerprint)):
                return known
            given = _given(chosen)
            conversation = await _present(connection, question["conversation_id"])
            run = await self._begin(
                connection, conversation, question, given, fingerprint, key, is_new=False
            )
        self._launch(run, conversation, question, given, options)
        return message_json(question), run

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

    def _launch(
        self,
        run: Run,
        conversation: Row,
        question: Mapping[str, Any],
        model: Model | None,
        options: Mapping[str, object],
    ) -> None:
        asked = Question(
            answer_id=str(run.message_id),
            content=question["content"],
            images=tuple(question["images"]),
            parent_id=question["parent_id"],
            model=model.name if model else None,
            context_length=model.context_length if model else None,
            system=conversation["system"],
            options=options,
        )
        self._runs.launch(run, Answer(asked, self._parts))

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
            raise _no_conversation()
        live = self._runs.live(run.id)
        return message_json(question), live.run if live else run

    async def _model(self, named: str | None, images: Sequence[str]) -> Model | OrcaError | None:
        """The model that answers; None where only the guide can.

        Why there is none comes as a value: the same request sent twice is answered the same,
        also where the model has gone meanwhile."""
        try:
            if absent := await self._parts.images.missing(list(images)):
                raise Invalid("no-such-image", f"Upload these pictures first: {', '.join(absent)}.")
            chosen = await self._parts.models.choose(named, needs_vision=bool(images))
            if chosen is not None:
                self._parts.queue.check_room()
        except OrcaError as err:
            return err
        return chosen

    def _told(self, row: Row) -> dict[str, object]:
        told = message_json(row)
        if row["status"] == "streaming" and (live := self._runs.live(row["run_id"])):
            told["content"], told["thinking"] = "".join(live.content), "".join(live.thinking)
        return told


def _given(chosen: Model | OrcaError | None) -> Model | None:
    if isinstance(chosen, OrcaError):
        raise chosen
    return chosen


async def _present(connection: AsyncConnection, conversation_id: str) -> Row:
    row = await Conversations(connection).find(conversation_id)
    if row is None:
        raise _no_conversation()
    return row


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


async def _check_parent(
    connection: AsyncConnection, conversation_id: str, parent_id: str | None
) -> None:
    if parent_id is None:
        return
    parent = await Messages(connection).find(parent_id)
    if parent is None or parent["conversation_id"] != conversation_id:
        raise Invalid("no-such-parent", "parent_id names no message of this conversation.")
    if parent["status"] == "streaming":
        raise Conflict(
            "still-answering",
            "The last answer is still being written. Wait for it, or stop it first.",
            run_id=parent["run_id"],
        )


def _no_conversation() -> NotFound:
    return NotFound("no-such-conversation", "There is no conversation with this id.")


def _hash(*parts: object) -> str:
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def _read_cursor(cursor: str | None, types: tuple[type, ...]) -> list[Any] | None:  # Any: as told
    if not cursor:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        values = None
    if isinstance(values, list) and [type(value) for value in values] == list(types):
        return values
    raise Malformed("bad-cursor", "The cursor is not one that a list has handed out.")
