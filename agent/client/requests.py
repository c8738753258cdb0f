"""What is sent to the agent and how its answer is read, without sending anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import orjson

from agent.client.answers import Answer
from agent.client.pictures import Picture, as_refused
from agent.client.problems import ClientProblem
from agent.client.shapes import BatchResult, Json

T = TypeVar("T")

BASE = "/api/v1"
SLOW_S = 600.0  # a long answer of a large model that has yet to be loaded
EVENTS = {"Accept": "text/event-stream"}
SILENCE_S = 45.0  # the agent sends a comment every 15 s


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its answer is read. `pictures` stand in the body and are uploaded
    first; with `bears_bad_pictures` the agent says of each bad one what is wrong with it.
    `is_repeatable`: sending it twice is as good as once."""

    method: str
    path: str
    body: Mapping[str, object] | bytes | None = None
    query: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    bears_bad_pictures: bool = False
    is_repeatable: bool = False
    timeout_s: float | None = None
    read: Callable[[bytes], T] = orjson.loads

    @property
    def repeats(self) -> bool:
        """Whether it may be sent again after it may have arrived."""
        return self.is_repeatable or repeats(self.method, self.headers)

    def sent(self) -> dict[str, Any]:  # Any: httpx's own keywords
        """The rest of the request in the words of httpx."""
        headers, content = dict(self.headers), self.body
        if content is not None and not isinstance(content, bytes):
            content = orjson.dumps(content, Picture.hash_of, orjson.OPT_PASSTHROUGH_DATACLASS)
            headers["Content-Type"] = "application/json"
        query = {name: _plain(value) for name, value in self.query.items() if value is not None}
        return {"content": content, "headers": headers, "params": query}


@dataclass(frozen=True, slots=True)
class Pages(Generic[T]):
    """A list that comes in pages. `item` makes plain which type its items have."""

    path: str
    query: Mapping[str, object]
    timeout_s: float | None
    item: type[T]

    def page(self, cursor: str | None) -> Call[Json]:
        """The request for the page behind `cursor`."""
        query = {**self.query, **({"cursor": cursor} if cursor else {})}
        return Call("GET", self.path, query=query, timeout_s=self.timeout_s, read=_page)


@dataclass(slots=True)
class Results:
    """Where the reader of a batch's results is."""

    run_id: str
    cursor: str | None = None
    has_all: bool = False

    def request(self) -> Call[Json]:
        """Asks for what has come since."""
        query = {"cursor": self.cursor, "limit": 200}
        return Call("GET", f"/runs/{segment(self.run_id)}/results", query=query)

    def take(self, page: Json) -> list[BatchResult]:
        """The results of a page; none where there is nothing new yet."""
        items: list[BatchResult] = page["items"]
        self.cursor = page["next_cursor"] or self.cursor
        self.has_all = page["next_cursor"] is None
        return items


@dataclass(frozen=True, slots=True)
class Begun:
    """A request that starts a run."""

    call: Call[Json]

    @staticmethod
    def run_id(answer: Json) -> str:
        """The id of the run in its answer."""
        return str(answer.get("run", answer)["id"])


@dataclass(frozen=True, slots=True)
class Streamed:
    """A request that is answered by a stateless stream."""

    call: Call[Answer]


def repeats(method: str, headers: Mapping[str, str] | None) -> bool:
    """Whether a request may be sent twice, as far as its method and headers tell."""
    return method.upper() in {"GET", "HEAD", "PUT"} or "Idempotency-Key" in (headers or {})


def ignored(_body: bytes) -> None:
    """Reads an answer that says nothing."""


def refused(picture: Picture, call: Call[str], problem: ClientProblem) -> None:
    """Lets something stand for a picture that is none. Raises any other problem."""
    if problem.status not in {413, 415, 422} or not isinstance(call.body, bytes):
        raise problem
    picture.refused = as_refused(call.body)


def uploading(picture: Picture, timeout: float | None = None) -> Call[str]:
    """Raises OSError if the file of the picture cannot be read."""
    headers = {"Content-Type": "application/octet-stream"}
    return Call(
        "POST",
        "/images",
        body=picture.content(),
        headers=headers,
        is_repeatable=True,  # a hash is the same each time
        timeout_s=timeout,
        read=_hash,
    )


def segment(text: str) -> str:
    """An id as a part of a path."""
    return quote(text, safe="")


def named(model: str) -> str:
    """The name of a model as a part of a path: its slashes stay."""
    return quote(model, safe="/:")


def without_none(values: Mapping[str, object]) -> dict[str, object]:
    """Only what was said."""
    return {name: value for name, value in values.items() if value is not None}


def _page(body: bytes) -> Json:
    page: Json = orjson.loads(body)
    return {"items": page["items"], "next_cursor": page.get("next_cursor")}


def _hash(body: bytes) -> str:
    return str(orjson.loads(body)["sha256"])


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
