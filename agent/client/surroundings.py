"""Models, backends, queues, telemetry, and the agent itself: what is sent, what comes back."""

from datetime import datetime
from typing import Any, Literal, Unpack

import orjson

from agent.client.requests import SLOW_S, Begun, Call, Pages, ignored, named, segment, without_none
from agent.client.shapes import (
    Backend,
    BackendWish,
    CheckedBackend,
    Json,
    Model,
    Performance,
    ProjectDay,
    Queue,
    RequestRecord,
    Runtime,
)


def models(*, timeout: float | None = None) -> Pages[Model]:
    """The installed models of every backend that is up.

    Returns an iterator. Raises nothing of its own."""
    return Pages("/models", {}, timeout, Model)


def model(name: str, *, backend: str | None = None, timeout: float | None = None) -> Call[Model]:
    """One model, with all its capabilities and its context length.

    Returns the model. Raises NotFound if no backend has it."""
    return Call("GET", f"/models/{named(name)}", query={"backend": backend}, timeout_s=timeout)


def pull(model: str, *, backend: str | None = None, timeout: float | None = None) -> Begun:
    """Downloads a model, or joins the download that goes on already. It goes on by itself.

    Returns the run: iterate over it for its `progress` events, whose `fraction` is how much is
    done; `result()` waits for the end; `cancel()` stops it, and pulling again goes on from there.
    Raises NotFound for an unknown backend, Busy if none answers."""
    body = without_none({"model": model, "backend": backend})
    path = "/models/pull"
    return Begun(Call("POST", path, body=body, is_repeatable=True, timeout_s=timeout))


def load(
    model: str,
    *,
    backend: str | None = None,
    keep_alive: str | int | None = None,
    timeout: float | None = SLOW_S,
) -> Call[Model]:
    """Reads a model into memory, so that the next answer begins at once.

    Returns the model. Raises NotFound if it is not installed, Busy if its backend is down."""
    body = without_none({"keep_alive": keep_alive})
    return _about_memory(model, "load", backend, body, timeout)


def unload(model: str, *, backend: str | None = None, timeout: float | None = None) -> Call[Model]:
    """Takes a model out of memory.

    Returns the model. Raises NotFound if it is not installed."""
    return _about_memory(model, "unload", backend, {}, timeout)


def delete_model(
    model: str,
    *,
    backend: str | None = None,
    force: bool = False,
    timeout: float | None = None,
) -> Call[None]:
    """Deletes a model from the disk of its backend; with `force` although somebody uses it.

    Returns nothing. Raises NotFound if it is not there, Conflict while it is in use."""
    path, query = f"/models/{named(model)}", {"backend": backend, "force": force or None}
    return Call("DELETE", path, query=query, timeout_s=timeout, read=ignored)


def recommended(*, timeout: float | None = None) -> Call[Json]:
    """What this computer has, which models fit it, and why.

    Returns `machine`, `profile`, `why`, `models`, `options`. Raises nothing of its own."""
    return Call("GET", "/model-profiles", timeout_s=timeout)


def backends(*, timeout: float | None = None) -> Pages[Backend]:
    """The model servers: the configured one, then those that were added. Never their keys.

    Returns an iterator. Raises Denied for a token without the scope `admin`."""
    return Pages("/backends", {}, timeout, Backend)


def add_backend(
    name: str,
    url: str,
    *,
    provider: Literal["ollama", "openai"] = "ollama",
    timeout: float | None = None,
    **more: Unpack[BackendWish],
) -> Call[Backend]:
    """Adds a model server, after having tried it. For the other keywords see
    `agent.client.shapes.BackendWish`.

    Returns it. Raises Invalid for an address that cannot be, Conflict for a name that is taken,
    Busy if it does not answer (unless `force`), Denied for a token without the scope `admin`."""
    body = {"name": name, "url": url, "provider": provider, **more}
    return Call("POST", "/backends", body=without_none(body), timeout_s=timeout)


def delete_backend(backend: str, *, timeout: float | None = None) -> Call[None]:
    """Takes a model server off the list. Nothing happens to the server.

    Returns nothing. Raises NotFound, and Denied for a token without the scope."""
    return Call("DELETE", f"/backends/{segment(backend)}", timeout_s=timeout, read=ignored)


def check_backend(backend: str, *, timeout: float | None = None) -> Call[CheckedBackend]:
    """Asks a model server now, rather than telling what was last heard of it.

    Returns it with its models. Raises NotFound, and Denied for a token without the scope."""
    path = f"/backends/{segment(backend)}/test"
    return Call("POST", path, is_repeatable=True, timeout_s=timeout)


def queues(*, timeout: float | None = None) -> Call[list[Queue]]:
    """The queues before the models, and how long one waited in them of late.

    Returns both, `text` and `vision`. Raises nothing of its own."""
    return Call("GET", "/queues", timeout_s=timeout, read=_items)


def runtime(*, timeout: float | None = None) -> Call[Runtime]:
    """The model servers, with their breakers, and Ollama's process on this computer.

    Returns them. Raises Denied for a token without the scope `models`."""
    return Call("GET", "/runtime", timeout_s=timeout)


def requests(
    *,
    project: str | None = None,
    model: str | None = None,
    kind: str | None = None,
    outcome: str | None = None,
    since: datetime | None = None,
    limit: int = 200,
    timeout: float | None = None,
) -> Pages[RequestRecord]:
    """The requests to models of the last weeks, newest first, without what was asked. `since`
    is an aware time.

    Returns an iterator that asks for `limit` at a time. Raises Denied for a token without the
    scope `admin`, Invalid for a filter that cannot be."""
    query = {
        "project": project,
        "model": model,
        "kind": kind,
        "outcome": outcome,
        "since": _moment(since),
        "limit": limit,
    }
    return Pages("/telemetry/requests", query, timeout, RequestRecord)


def projects(
    *,
    project: str | None = None,
    model: str | None = None,
    since: datetime | None = None,
    limit: int = 200,
    timeout: float | None = None,
) -> Pages[ProjectDay]:
    """What each project used of each model, by day, newest first.

    Returns an iterator that asks for `limit` at a time. Raises Denied for a token without the
    scope `admin`."""
    query = {"project": project, "model": model, "since": _moment(since), "limit": limit}
    return Pages("/telemetry/projects", query, timeout, ProjectDay)


def performance(
    *,
    project: str | None = None,
    model: str | None = None,
    backend: str | None = None,
    since: datetime | None = None,
    timeout: float | None = None,
) -> Call[list[Performance]]:
    """How fast each model was on each backend, of the last seven days or since then.

    Returns a list. Raises Denied for a token without the scope `admin`."""
    query = {"project": project, "model": model, "backend": backend, "since": _moment(since)}
    path = "/telemetry/performance"
    return Call("GET", path, query=query, timeout_s=timeout, read=_items)


def ticket(*, timeout: float | None = None) -> Call[str]:
    """Makes a link that logs one browser in, once, within a minute.

    Returns the link. Raises Denied for a token that may not."""
    return Call("POST", "/tickets", timeout_s=timeout, read=_url)


def _about_memory(
    model: str, verb: str, backend: str | None, body: Json, timeout: float | None
) -> Call[Model]:
    path, query = f"/models/{named(model)}/{verb}", {"backend": backend}
    return Call("POST", path, body=body, query=query, is_repeatable=True, timeout_s=timeout)


def _moment(since: datetime | None) -> str | None:
    return None if since is None else since.isoformat()


def _items(body: bytes) -> Any:  # Any: JSON values
    return orjson.loads(body)["items"]


def _url(body: bytes) -> str:
    return str(orjson.loads(body)["url"])
