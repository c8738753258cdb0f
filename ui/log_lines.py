"""Lines of the agent's log as a person reads them."""

import json

TIME = slice(11, 19)  # of a date and time as in ISO 8601


def readable(text: str) -> str:
    """The same with every line that is JSON as a sentence; what is none stays as it is."""
    return "\n".join(_line(line) for line in text.splitlines())


def _line(line: str) -> str:
    before, brace, rest = line.partition("{")
    try:
        told = json.loads(brace + rest)
    except ValueError:
        return line
    if not isinstance(told, dict) or "event" not in told:
        return line
    marks = [str(told.get("timestamp", ""))[TIME], str(told.get("level", ""))]
    last = str(told.get("exception", "")).strip().splitlines()[-1:]
    said = [before + " ".join(one for one in marks if one), str(told["event"]), *last]
    return ": ".join(one for one in said if one)
