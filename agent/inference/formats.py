"""The `format` of an answer: whether it can be kept, and whether an answer keeps it."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

import orjson

from agent.inference.schemas import Check, Fault, SchemaFaultError, check_of
from agent.shared.errors import Invalid

REMEMBERED = 64
NO_FORMAT = '`format` is "json" or a JSON schema, which is an object.'


class Format:
    """A format that an answer can be held against. `check` None: any JSON value will do."""

    def __init__(self, check: Check | None = None) -> None:
        self._check = check

    async def faults(self, answer: str) -> list[Fault]:
        """What is wrong with an answer, five things at the most; nothing if it keeps the format."""
        return await asyncio.to_thread(self._faults, answer)

    def _faults(self, answer: str) -> list[Fault]:
        try:
            value = orjson.loads(answer)
        except orjson.JSONDecodeError as err:
            return [Fault("$", f"This is not JSON: {err}.")]
        return self._check(value) if self._check else []


ANY_JSON = Format()


class Formats:
    """Reads what clients ask for, and remembers it: they ask for the same again and again."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Format] = OrderedDict()

    async def read(self, given: object) -> Format:
        """What "json" or a JSON schema (Draft 2020-12) asks for. Raises Invalid `bad-format`."""
        if given == "json":
            return ANY_JSON
        if not isinstance(given, dict):
            raise _bad(NO_FORMAT)
        try:
            key = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:  # nested too deep even for that
            raise _bad("The schema is nested too deep.") from None
        if key not in self._known:
            try:
                self._known[key] = Format(await asyncio.to_thread(check_of, given))
            except SchemaFaultError as err:
                raise _bad(str(err)) from None
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return self._known[key]


def repair_text(faults: Sequence[Fault]) -> str:
    """What a model is told that gave an answer with these faults."""
    listed = "\n".join(f"- at {fault.where}: {fault.what}" for fault in faults)
    return (
        f"Your last answer does not keep the format that was asked for:\n{listed}\n"
        "Give the whole answer again, corrected. Write the JSON value alone, with nothing before "
        "or behind it."
    )


def not_kept(faults: Sequence[Fault], answer: str, *, model: str, was_cut: bool) -> Invalid:
    """The problem of an answer that does not keep its format; `was_cut`: it ended at its limit.

    Invalid, since the request has to change: to ask the same again costs two answers more, and at
    temperature 0 brings the same."""
    if was_cut:
        detail = (
            f"The answer of {model} reached its limit before its JSON was whole. Raise "
            "num_predict, or num_ctx if that is what limits it."
        )
    else:
        detail = (
            f"The answer of {model} does not keep the format. Choose another model or a simpler "
            "schema."
        )
    errors = [{"field": fault.where, "detail": fault.what} for fault in faults]
    return Invalid("format-not-kept", detail, model=model, answer=answer, errors=errors)


def _bad(detail: str) -> Invalid:
    return Invalid("bad-format", detail, errors=[{"field": "format", "detail": detail}])
