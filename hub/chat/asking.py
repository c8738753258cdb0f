"""Asking: a question is kept, and a run that answers it set going, in one transaction."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.inference.rules import Message
from agent.inference.turns import Turn, title_of
from agent.runs.rules import Run, RunState
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Invalid, NotFound, TooLarge
from hub.access import Principal
from hub.ai.rules import Answer, GenerationRequest, OwnedRun
from hub.ai.service import AiService
from hub.artefacts.answers import AnswerFiles
from hub.artefacts.keeping import Place
from hub.chat.pictures import PictureService, data_url
from hub.chat.rules import (
    ACTIVE_BRANCH,
    ASSISTANT,
    HISTORY_TURNS,
    PURPOSE,
    Asked,
    clean,
    is_id,
    told,
)
from hub.chat.service import no_conversation, owned
from hub.chat.shapes import message_json
from hub.chat.store import Conversations, Messages, Row, grow

BLANK: dict[str, object] = {
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
STATUS = {
    RunState.DONE: "complete",
    RunState.CANCELLED: "stopped",
    RunState.INTERRUPTED: "interrupted",
    RunState.FAILED: "failed",
}
Json = dict[str, object]


class AskingService:
    """The run is set going once its question is committed, and goes on when its readers leave."""

    def __init__(
        self,
        database: Databases,
        ai: AiService,
        clock: Clock,
        new_id: NewId,
        *,
        history_tokens: int,
        pictures: PictureService,
    ) -> None:
        self._database, self._ai, self._clock, self._new_id = database, ai, clock, new_id
        self._pictures = pictures
        self._history_tokens = history_tokens

    async def ask(
        self, who: Principal, conversation_id: str, asked: Asked, *, key: str | None
    ) -> tuple[Json, Run]:
        """Keeps a question and sets its answer going; the same key again is the same run.

        Raises NotFound, Denied, Conflict (still answering, key used for something else), Invalid,
        and whatever keeps the models from answering."""
        if not asked.content.strip() and not asked.images:
            raise Invalid("empty-message", "The message is empty. Write something first.")
        async with self._database.reading() as connection:
            conversation = await owned(connection, who, conversation_id)
            is_next = asked.parent_id == ACTIVE_BRANCH
            parent_id = conversation["active_message_id"] if is_next else asked.parent_id
            above = await _above(connection, conversation_id, parent_id)
        question: Json = {
            **BLANK,
            "id": asked.id or self._new_id(),
            "conversation_id": conversation_id,
            "parent_id": parent_id,
            "role": "user",
            "content": asked.content,
            "images": list(asked.images),
            "status": "complete",
            "created_at": rfc3339(self._clock()),
        }
        named = ("ask", conversation_id, asked.content, asked.model, asked.options)
        fingerprint = _hash(*named, asked.parent_id, asked.id, asked.images)
        return await self._begin(
            who, conversation, question, above, asked, key, fingerprint, is_new=True
        )

    async def regenerate(
        self, who: Principal, message_id: str, asked: Asked, *, key: str | None
    ) -> tuple[Json, Run]:
        """Another answer beside the one of this message. Raises as `ask`."""
        async with self._database.reading() as connection:
            question = await _question_of(connection, message_id)
            conversation_id = question["conversation_id"]
            try:
                conversation = await owned(connection, who, conversation_id)
            except NotFound:
                raise _no_message() from None
            above = await _above(connection, conversation_id, question["parent_id"])
        fingerprint = _hash("regenerate", message_id, asked.model, asked.options)
        return await self._begin(
            who, conversation, question, above, asked, key, fingerprint, is_new=False
        )

    async def _begin(
        self,
        who: Principal,
        conversation: Row,
        question: Json,
        above: Sequence[Row],
        asked: Asked,
        key: str | None,
        fingerprint: str,
        *,
        is_new: bool,
    ) -> tuple[Json, Run]:
        answer_id, kept = self._new_id(), dict(question)
        asked = replace(asked, content=str(question["content"]), images=_images_of(question))
        request, trimmed = await self._request(who, conversation, above, asked)

        async def write(connection: AsyncConnection, run: Run) -> None:
            kept.update(
                await self._keep(
                    connection, who, conversation["id"], question, answer_id, run, is_new=is_new
                )
            )

        run = await self._ai.start(
            who,
            request,
            purpose=PURPOSE,
            about={"trimmed": trimmed},
            conversation_id=conversation["id"],
            message_id=answer_id,
            write=write,
            key=key,
            request_hash=fingerprint,
        )
        if run.message_id != answer_id:  # asked before by the same key
            return await self._asked_before(run), run
        return message_json(kept), run

    async def _request(
        self, who: Principal, conversation: Row, above: Sequence[Row], asked: Asked
    ) -> tuple[GenerationRequest, int]:
        system, model = conversation["system"] or ASSISTANT, asked.model or conversation["model"]
        sees = bool(asked.images)
        if not sees and any(row["images"] for row in above):
            sees = await self._ai.sees(who, model)
        question = Turn("user", asked.content, asked.images)
        sent = told(above, question, system=system, budget_tokens=self._history_tokens, sees=sees)
        if sent is None:
            raise TooLarge(
                "message-exceeds-context",
                "The message is longer than what any model reads. Shorten it.",
            )
        messages = (Message("system", system), *await self._messages(who, sent.turns))
        return GenerationRequest(messages, model, options=asked.options), sent.trimmed

    async def _messages(self, who: Principal, turns: Sequence[Turn]) -> list[Message]:
        hashes = list({sha256 for turn in turns for sha256 in turn.images})
        kept = await self._pictures.several(who.account_id, hashes)
        if absent := [one for one in turns[-1].images if one not in kept]:
            raise Invalid("no-such-image", f"Upload these pictures first: {', '.join(absent)}.")
        return [
            Message(
                turn.role,
                turn.content,
                tuple(data_url(kept[one]) for one in turn.images if one in kept),
            )
            for turn in turns
        ]

    async def _keep(
        self,
        connection: AsyncConnection,
        who: Principal,
        conversation_id: str,
        question: Json,
        answer_id: str,
        run: Run,
        *,
        is_new: bool,
    ) -> Json:
        rev = await grow(connection, who.account_id, 2)
        conversation = await owned(connection, who, conversation_id)
        messages, now = Messages(connection), rfc3339(self._clock())
        if is_new:
            await _check_parent(connection, conversation_id, question["parent_id"])
            question = {**question, "rev": rev, "place": rev - 1}
        answer = _empty_answer(answer_id, question, run, now)
        answer |= {"conversation_id": conversation_id, "rev": rev, "place": rev}
        if not await messages.add([question, answer] if is_new else [answer]):
            raise Conflict("id-taken", "This id is in use. Make a new one.")
        if is_new:
            question_id, images = str(question["id"]), _images_of(question)
            await self._pictures.show(connection, who.account_id, question_id, images)
        change: Json = {
            "active_message_id": answer_id,
            "updated_at": now,
            "message_count": conversation["message_count"] + (2 if is_new else 1),
            "rev": rev,
        }
        if conversation["title_is_automatic"] and not conversation["title"]:
            change["title"] = title_of(str(question["content"]))
        await Conversations(connection).change(conversation_id, who.account_id, change)
        return question

    async def _asked_before(self, run: Run) -> Json:
        async with self._database.reading() as connection:
            messages = Messages(connection)
            answer = await messages.find(str(run.message_id))
            question = await messages.find(answer["parent_id"]) if answer else None
        if question is None:
            raise no_conversation()
        return message_json(question)


def _images_of(question: Json) -> tuple[str, ...]:
    images = question["images"]
    return tuple(str(one) for one in images) if isinstance(images, list) else ()


def _empty_answer(answer_id: str, question: Json, run: Run, now: str) -> Json:
    return {
        **BLANK,
        "id": answer_id,
        "parent_id": question["id"],
        "role": "assistant",
        "status": "streaming",
        "created_at": now,
        "run_id": run.id,
    }


class AnswerPurpose:
    """Makes the answer final, whatever became of it, and its files files. Implements Purpose."""

    def __init__(self, files: AnswerFiles) -> None:
        self._files = files

    async def conclude(
        self, connection: AsyncConnection, run: OwnedRun, answer: Answer
    ) -> dict[str, object]:
        """Also where the conversation was deleted meanwhile: it may be restored."""
        rev = await grow(connection, run.account_id)
        row = await Messages(connection).change(
            str(run.run.message_id),
            {
                "content": clean(answer.content),
                "thinking": clean(answer.thinking),
                "model": answer.model or None,
                "provider": answer.provider or None,
                "usage": dict(answer.usage) or None,
                "trimmed": run.about.get("trimmed", 0),
                "status": STATUS[answer.state],
                "problem": answer.problem,
                "rev": rev,
            },
        )
        if row is None:  # the conversation was purged meanwhile
            return {"message": None}
        conversation_id = row["conversation_id"]
        conversation = await Conversations(connection).change(
            conversation_id, run.account_id, {"updated_at": run.run.ended_at, "rev": rev}
        )
        title = conversation["title"] if conversation else ""
        place = Place(run.account_id, conversation_id, title, conversation_id)
        files = await self._files.keep(connection, place, run, answer, names_all=False)
        return {"message": message_json(row), **files}


async def _above(
    connection: AsyncConnection, conversation_id: str, parent_id: str | None
) -> list[Row]:
    if parent_id is None:
        return []
    return await Messages(connection).branch(conversation_id, parent_id, HISTORY_TURNS)


async def _question_of(connection: AsyncConnection, message_id: str) -> Row:
    """The question that a message is, or that it answers. Raises NotFound or Invalid."""
    messages = Messages(connection)
    row = await messages.find(message_id) if is_id(message_id) else None
    if row is not None and row["role"] == "assistant" and row["parent_id"]:
        row = await messages.find(row["parent_id"])
    if row is None:
        raise _no_message()
    if row["role"] != "user":
        raise Invalid("not-a-question", "Only an answer or its question can be repeated.")
    return row


async def _check_parent(
    connection: AsyncConnection, conversation_id: str, parent_id: object
) -> None:
    if parent_id is None:
        return
    parent = await Messages(connection).find(str(parent_id))
    if parent is None or parent["conversation_id"] != conversation_id:
        raise Invalid("no-such-parent", "parent_id names no message of this conversation.")
    if parent["status"] == "streaming":
        raise Conflict(
            "still-answering",
            "The last answer is still being written. Wait for it, or stop it first.",
            run_id=parent["run_id"],
        )


def _no_message() -> NotFound:
    return NotFound("no-such-message", "There is no message with this id.")


def _hash(*parts: object) -> str:
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
