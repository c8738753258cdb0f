"""Conversations: what is sent, and what comes back."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Unpack

from agent.client.pictures import ImageSource, Picture, pictures
from agent.client.requests import Call, Pages, ignored, segment, uploading, without_none
from agent.client.shapes import (
    Asking,
    Conversation,
    ConversationChange,
    FoundConversation,
    Imported,
    Json,
    Message,
    Posted,
    Run,
)
from agent.shared.clock import random_id

LONG_S = 120.0  # a whole history


def new_conversation(
    *,
    title: str | None = None,
    model: str | None = None,
    system: str | None = None,
    timeout: float | None = None,
) -> Call[Conversation]:
    """Opens a conversation. `model` answers in it; `system` tells the model how.

    Returns the conversation. Raises Invalid for a text that is too long."""
    body = without_none({"title": title, "model": model, "system": system})
    return Call("POST", "/conversations", body=body, timeout_s=timeout)


def conversation(conversation_id: str, *, timeout: float | None = None) -> Call[Conversation]:
    """One conversation, without its messages.

    Returns the conversation. Raises NotFound, also for one that was deleted."""
    return Call("GET", _path(conversation_id), timeout_s=timeout)


def conversations(
    *, archived: bool = False, limit: int = 100, timeout: float | None = None
) -> Pages[Conversation]:
    """All conversations, or all archived ones: the pinned first, then the latest.

    Returns an iterator that asks for `limit` at a time. Raises Invalid for a limit beyond 200."""
    return Pages("/conversations", {"archived": archived, "limit": limit}, timeout, Conversation)


def search(text: str, *, limit: int = 50, timeout: float | None = None) -> Pages[FoundConversation]:
    """Conversations that hold every word in titles or messages; the last may be unfinished.

    Returns an iterator of conversations with `snippets`. Raises Invalid for a long text."""
    return Pages("/conversations", {"q": text, "limit": limit}, timeout, FoundConversation)


def messages(
    conversation_id: str, *, limit: int = 500, timeout: float | None = None
) -> Pages[Message]:
    """The whole tree of messages of a conversation, in the order of writing.

    Returns an iterator that asks for `limit` at a time. Raises NotFound."""
    return Pages(f"{_path(conversation_id)}/messages", {"limit": limit}, timeout, Message)


def change_conversation(
    conversation_id: str, *, timeout: float | None = None, **changes: Unpack[ConversationChange]
) -> Call[Conversation]:
    """Changes `title`, `pinned`, `archived`, `model`, `system` or `active_message_id`; None
    takes back a model or a system text.

    Returns the conversation. Raises NotFound, or Invalid for a text that is too long."""
    path, body = _path(conversation_id), dict(changes)
    return Call("PATCH", path, body=body, is_repeatable=True, timeout_s=timeout)


def delete_conversation(conversation_id: str, *, timeout: float | None = None) -> Call[None]:
    """Deletes a conversation. For seven days `restore_conversation` brings it back.

    Returns nothing. Raises NotFound."""
    return Call("DELETE", _path(conversation_id), timeout_s=timeout, read=ignored)


def restore_conversation(
    conversation_id: str, *, timeout: float | None = None
) -> Call[Conversation]:
    """Undoes a deletion.

    Returns the conversation. Raises NotFound if it is gone for good."""
    path = f"{_path(conversation_id)}/restore"
    return Call("POST", path, is_repeatable=True, timeout_s=timeout)


def export_conversation(conversation_id: str, *, timeout: float | None = LONG_S) -> Call[Json]:
    """All of a conversation, to be kept in a file and given to `import_conversations`.

    Returns a JSON document. Raises NotFound."""
    return Call("GET", f"{_path(conversation_id)}/export", timeout_s=timeout)


def export_markdown(conversation_id: str, *, timeout: float | None = LONG_S) -> Call[str]:
    """The branch of a conversation that is shown, for people.

    Returns Markdown. Raises NotFound."""
    path, query = f"{_path(conversation_id)}/export", {"format": "md"}
    return Call("GET", path, query=query, timeout_s=timeout, read=bytes.decode)


def import_conversations(
    document: Mapping[str, Any],  # Any: JSON values
    *,
    timeout: float | None = LONG_S,
) -> Call[Imported]:
    """Takes in what was exported: one document, or `{"conversations": [...]}`. What is here
    already is not doubled.

    Returns how many were created, updated and left. Raises Invalid for anything else."""
    path = "/conversations/import"
    return Call("POST", path, body=document, is_repeatable=True, timeout_s=timeout)


def upload(image: ImageSource, *, timeout: float | None = None) -> Call[str]:
    """Keeps a picture: a path, bytes, an open file or a data URL. A picture that no message
    shows is deleted after a day.

    Returns its hash, which stands for it wherever images are asked for. Raises Invalid if it is
    no picture or too large a one, OSError if the file cannot be read."""
    return uploading(Picture(image), timeout)


def send(
    conversation_id: str,
    content: str,
    *,
    images: Sequence[ImageSource] | None = None,
    key: str | None = None,
    timeout: float | None = None,
    **more: Unpack[Asking],
) -> Call[Posted]:
    """Sends a message, and does not wait for its answer: `ask` does both. `key` makes it the
    same message however often it is sent; without one, each call has its own.

    Returns the message as it was kept, and the run that answers it. Raises NotFound, Invalid for
    what no model can do, Conflict while its parent is still being answered, Busy, and OSError for
    an image that cannot be read."""
    found = pictures(images)
    path = f"{_path(conversation_id)}/messages"
    return _posting(path, {"content": content, "images": list(found)}, found, more, key, timeout)


def regenerate(
    message_id: str,
    *,
    key: str | None = None,
    timeout: float | None = None,
    **more: Unpack[Asking],
) -> Call[Posted]:
    """Answers a question once more, beside the answers that it has.

    Returns the reply, as `ask` does. Raises what `ask` raises."""
    path = f"/messages/{segment(message_id)}/regenerate"
    return _posting(path, {}, (), more, key, timeout)


def run(run_id: str, *, timeout: float | None = None) -> Call[Run]:
    """How a run is.

    Returns the run. Raises NotFound."""
    return Call("GET", f"/runs/{segment(run_id)}", timeout_s=timeout)


def runs(
    *,
    state: Literal["queued", "running", "done", "cancelled", "interrupted", "failed"] | None = None,
    limit: int = 50,
    timeout: float | None = None,
) -> Pages[Run]:
    """All runs, or those in one state, newest first.

    Returns an iterator that asks for `limit` at a time. Raises Invalid for a limit beyond 200."""
    return Pages("/runs", {"state": state, "limit": limit}, timeout, Run)


def cancel(run_id: str, *, timeout: float | None = None) -> Call[Run]:
    """Stops a run, and the model with it. A run that has ended is left as it is.

    Returns the run as it is then. Raises NotFound."""
    path = f"/runs/{segment(run_id)}/cancel"
    return Call("POST", path, is_repeatable=True, timeout_s=timeout)


def _path(conversation_id: str) -> str:
    return f"/conversations/{segment(conversation_id)}"


def _posting(
    path: str,
    body: Mapping[str, object],
    found: tuple[Picture, ...],
    more: Asking,
    key: str | None,
    timeout: float | None,
) -> Call[Posted]:
    # A parent of None is a new beginning, which is not the same as none at all.
    said = {name: value for name, value in more.items() if value is not None or name == "parent_id"}
    headers = {"Idempotency-Key": key or random_id()}
    return Call(
        "POST", path, body={**body, **said}, headers=headers, pictures=found, timeout_s=timeout
    )
