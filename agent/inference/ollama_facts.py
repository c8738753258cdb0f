"""What Ollama tells about itself and its models, read with care from a stranger's JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime

from agent.inference.failures import garbled
from agent.inference.rules import Embeddings, InstalledModel, LoadedModel, ShownModel


def version(answer: object) -> str:
    """`0.33.0` of /api/version. Raises Unavailable `ollama-garbled`, as all of these do."""
    text = _text(_object(answer), "version")
    if not text or len(text) > 64 or not text.isprintable():
        raise garbled("does not tell Ollama's version")
    return text


def installed(answer: object) -> list[InstalledModel]:
    """The models of /api/tags."""
    return [_installed(entry) for entry in _models(answer)]


def _installed(entry: Mapping[str, object]) -> InstalledModel:
    details = _part(entry, "details")
    return InstalledModel(
        name=_name(entry),
        digest=_text(entry, "digest"),
        size_bytes=_count(entry, "size") or 0,
        family=_text(details, "family"),
        parameter_size=_text(details, "parameter_size"),
        quantization=_text(details, "quantization_level"),
        capabilities=_texts(entry, "capabilities"),
        context_length=_count(details, "context_length"),
        is_remote=bool(_text(entry, "remote_host")),
        modified_at=_moment(_text(entry, "modified_at")),
    )


def loaded(answer: object) -> list[LoadedModel]:
    """The models of /api/ps."""
    return [
        LoadedModel(
            name=_name(entry),
            size_bytes=_count(entry, "size") or 0,
            vram_bytes=_count(entry, "size_vram") or 0,
            context_length=_count(entry, "context_length"),
            expires_at=_moment(_text(entry, "expires_at")),
        )
        for entry in _models(answer)
    ]


def shown(answer: object) -> ShownModel:
    """The model of /api/show."""
    document = _object(answer)
    details, info = _part(document, "details"), _part(document, "model_info")
    return ShownModel(
        family=_text(details, "family"),
        parameter_size=_text(details, "parameter_size"),
        quantization=_text(details, "quantization_level"),
        capabilities=_texts(document, "capabilities"),
        context_length=_count(info, f"{_text(info, 'general.architecture')}.context_length"),
    )


def embedded(answer: object, count: int) -> Embeddings:
    """The vectors of /api/embed for `count` texts."""
    document = _object(answer)
    rows = document.get("embeddings")
    if not isinstance(rows, list) or len(rows) != count:
        raise garbled("sent another number of vectors than there were texts")
    try:
        vectors = tuple(tuple(map(float, row)) for row in rows)
    except (TypeError, ValueError):
        raise garbled("sent vectors that are none") from None
    return Embeddings(
        vectors,
        _count(document, "prompt_eval_count") or 0,
        (_count(document, "load_duration") or 0) / 1e6,
        (_count(document, "total_duration") or 0) / 1e6,
    )


def shown_whole(answer: object) -> Mapping[str, object]:
    """All of /api/show, as it is."""
    return _object(answer)


def _object(answer: object) -> Mapping[str, object]:
    if not isinstance(answer, dict):
        raise garbled("sent JSON of another shape than Ollama's")
    return answer


def _models(answer: object) -> list[Mapping[str, object]]:
    models = _object(answer).get("models")
    if models is None:
        models = []
    if not isinstance(models, list):
        raise garbled("sent JSON of another shape than Ollama's")
    return [entry for entry in models if isinstance(entry, dict) and _name(entry)]


def _name(entry: Mapping[str, object]) -> str:
    return _text(entry, "name") or _text(entry, "model")


def _part(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def _text(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _texts(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    values = document.get(name)
    texts = [v for v in values if isinstance(v, str)] if isinstance(values, list) else []
    return tuple(dict.fromkeys(texts))


def _count(document: Mapping[str, object], name: str) -> int | None:
    value = document.get(name)
    return value if isinstance(value, int) and value > 0 else None


def _moment(text: str) -> datetime | None:
    """The server's local time with its offset; "for ever" is a date some 292 years ahead."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
