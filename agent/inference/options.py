"""The options of a generation: Ollama's real names, with types and ranges."""

from collections.abc import Mapping
from typing import NamedTuple

from agent.shared.errors import Invalid


class Whole(NamedTuple):
    low: int
    high: int


class Real(NamedTuple):
    low: float
    high: float


class Flag(NamedTuple): ...


class Texts(NamedTuple):
    most: int
    longest: int


OPTIONS: dict[str, Whole | Real | Flag | Texts] = {
    "num_keep": Whole(-1, 10_000_000),
    "seed": Whole(-1, 2**32 - 1),
    "num_predict": Whole(-2, 10_000_000),
    "top_k": Whole(0, 1_000_000),
    "top_p": Real(0.0, 1.0),
    "min_p": Real(0.0, 1.0),
    "typical_p": Real(0.0, 1.0),
    "repeat_last_n": Whole(-1, 10_000_000),
    "temperature": Real(0.0, 5.0),
    "repeat_penalty": Real(0.1, 10.0),
    "presence_penalty": Real(-2.0, 2.0),
    "frequency_penalty": Real(-2.0, 2.0),
    "stop": Texts(64, 1000),
    "num_ctx": Whole(16, 10_000_000),
    "num_batch": Whole(1, 65_536),
    "num_gpu": Whole(-1, 10_000),
    "main_gpu": Whole(0, 255),
    "use_mmap": Flag(),
    "num_thread": Whole(0, 4096),
    "draft_num_predict": Whole(0, 1024),
}


def checked(options: Mapping[str, object], *, field: str = "options") -> dict[str, object]:
    """The options, with whole numbers as int; None means "not given" and is left out.

    Raises Invalid `invalid-options` that names every field at fault.
    """
    good: dict[str, object] = {}
    faults: list[dict[str, str]] = []
    for name, value in options.items():
        if value is None and name in OPTIONS:
            continue
        try:
            good[name] = _checked(name, value)
        except ValueError as err:
            faults.append({"field": f"{field}.{name}", "detail": str(err)})
    if faults:
        names = ", ".join(fault["field"] for fault in faults)
        raise Invalid("invalid-options", f"These options cannot be used: {names}.", errors=faults)
    return good


def _checked(name: str, value: object) -> object:
    match OPTIONS.get(name):
        case None:
            raise ValueError("There is no such option.")
        case Whole(low, high):
            return _whole(value, low, high)
        case Real(low, high):
            return _real(value, low, high)
        case Flag():
            if value not in (True, False):
                raise ValueError("true or false.")
            return bool(value)
        case Texts(most, longest):
            return _texts(value, most, longest)


def _whole(value: object, low: int, high: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"A whole number from {low} to {high}.")
    return value


def _real(value: object, low: float, high: float) -> float:
    # A bool is an int, too.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ValueError(f"A number from {low:g} to {high:g}.")
    return value


def _texts(value: object, most: int, longest: int) -> list[str]:
    texts = [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(texts) != len(value) or len(texts) > most:
        raise ValueError(f"A list of at most {most} texts.")
    if any(not 0 < len(text) <= longest for text in texts):
        raise ValueError(f"Each text has 1 to {longest} characters.")
    return texts
