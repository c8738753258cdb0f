"""The routes around the models: version, list, details, what is loaded, copy, delete, pull."""

from collections.abc import Iterator
from dataclasses import replace

from . import checks
from .answer import NDJSON, Answer, RefusedError, lines
from .catalogue import copy_of, made_up, with_tag
from .gojson import Json, go_json
from .state import Pullable, State
from .wire import JSON_TYPE

VERSION = "0.33.0-rc2"
PLAIN = "text/plain; charset=utf-8"
FRAMES_A_SECOND = 1 / 0.06
STEP = 1 << 20  # a layer of less never shows its progress


async def root(state: State, answer: Answer) -> None:
    await answer.raw(b"Ollama is running", kind=PLAIN)


async def version(state: State, answer: Answer) -> None:
    await answer.json({"version": VERSION})


async def status(state: State, answer: Answer) -> None:
    await answer.json({"cloud": {"disabled": True, "source": "env"}})


async def tags(state: State, answer: Answer) -> None:
    models = list(state.models.values())
    huge = range(answer.behave.huge_tags or 0)
    models += [made_up(f"huge-{number:05d}:{number % 70 + 1}b") for number in huge]
    models.sort(key=lambda model: model.modified_at, reverse=True)
    shown = [
        {
            "name": model.name,
            "model": model.name,
            "modified_at": model.modified_at,
            "size": model.size,
            "digest": model.digest,
            "details": model.details,
            "capabilities": list(model.listed),
        }
        for model in models
    ]
    await answer.json({"models": shown})


async def show(state: State, answer: Answer) -> None:
    body = checks.parsed("/api/show", answer.request.body)
    name = body.get("model") or body.get("name")
    if not name:
        raise RefusedError(400, "model is required")
    model = state.get(name, missing=f"model '{with_tag(name)}' not found")
    shown = model.shown
    if answer.behave.extra_field:
        shown = b'{"surprise":1,' + shown[1:]
    await answer.raw(shown, kind=JSON_TYPE)


async def ps(state: State, answer: Answer) -> None:
    await answer.json({"models": [runner.ps() for runner in state.scheduler.loaded()]})


async def copy(state: State, answer: Answer) -> None:
    body = checks.parsed("/api/copy", answer.request.body)
    for side in ("source", "destination"):
        if not body.get(side):
            raise RefusedError(400, f'{side} "" is invalid')
    missing = f'model "{body["source"]}" not found'
    state.add(copy_of(state.get(body["source"], missing=missing), body["destination"]))
    await answer.raw(b"")


async def delete(state: State, answer: Answer) -> None:
    body = checks.parsed("/api/delete", answer.request.body)
    name = body.get("model") or body.get("name") or ""
    state.get(name, missing=f"model '{name}' not found")
    state.remove(name)
    await answer.raw(b"")


async def pull(state: State, answer: Answer) -> None:
    """Streams what a download shows; leaving stops it, and the next one goes on from there."""
    body = checks.parsed("/api/pull", answer.request.body)
    name = body.get("model") or body.get("name") or ""
    if not name:
        raise RefusedError(400, "invalid model name")
    checks.check_name(name)
    problem = _registry_problem(state, name, insecure=bool(body.get("insecure")))
    pullable = state.pullable.get(name)
    await answer.delay()
    if body.get("stream") is False:
        reply = {"error": problem} if problem else _finish(state, pullable)
        await answer.raw(go_json(reply), 500 if problem else 200, "application/json")
        return
    answer.behave = replace(answer.behave, pace=answer.behave.pace or FRAMES_A_SECOND)
    await answer.stream(NDJSON, lines(_progress(state, pullable, problem), answer.behave))


def _registry_problem(state: State, name: str, *, insecure: bool) -> str | None:
    scheme, _, rest = name.rpartition("://")
    host, path = rest.split("/", 1) if "/" in rest and "." in rest.split("/")[0] else ("", rest)
    host, path = host or "registry.ollama.ai", path if "/" in path else f"library/{path}"
    model, _, tag = path.partition(":")
    address = f"https://{host}/v2/{model}/manifests/{tag or 'latest'}"
    if not state.registry_up:
        down = "proxyconnect tcp: dial tcp 127.0.0.1:9: connect: connection refused"
        return f'pull model manifest: Get "{address}": {down}'
    if scheme == "http" and not insecure:
        plain = "tls: first record does not look like a TLS handshake"
        return f'pull model manifest: Get "{address}": {plain}'
    return None if name in state.pullable else "pull model manifest: file does not exist"


def _progress(
    state: State, pullable: Pullable | None, problem: str | None
) -> Iterator[dict[str, Json]]:
    yield {"status": "pulling manifest"}
    if problem or pullable is None:
        yield {"error": problem}
        return
    for digest, total in pullable.layers:
        yield from _layer(state, pullable, digest, total)
    yield {"status": "verifying sha256 digest"}
    yield {"status": "writing manifest"}
    yield _finish(state, pullable)


def _layer(state: State, pullable: Pullable, digest: str, total: int) -> Iterator[dict[str, Json]]:
    frame = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": total}
    have = state.downloaded.get(digest, 0)
    if have >= total:
        yield {**frame, "completed": total}
        return
    step = (
        max(1, round(total / (pullable.seconds * FRAMES_A_SECOND))) if pullable.seconds else total
    )
    if total < STEP:
        yield frame
    while total >= STEP and have + step < total:
        have += step
        state.downloaded[digest] = have
        yield {**frame, "completed": have}
    state.downloaded[digest] = total


def _finish(state: State, pullable: Pullable | None) -> dict[str, Json]:
    if pullable is not None:
        state.downloaded.update(dict(pullable.layers))
        state.add(pullable.model)
    return {"status": "success"}
