"""A long conversation about prints, as the file that the agent imports."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from agent.shared.clock import rfc3339
from tests.bench.seed import BEGAN, Language

ANSWER = """{first}

1. **Dry the filament**: {second}
2. Lower the nozzle by 5 °C: `nozzle_temperature = {degrees}`
3. {third}

| setting | now | try |
|---|---|---|
| retraction length | 0.8 mm | 0.6 mm |
| outer wall | 120 mm/s | {degrees} mm/s |

```gcode
M104 S{degrees} ; {fourth}
G1 X10 Y10 F3000
```

{fifth}
"""


def exported(messages: int, chance: random.Random) -> dict[str, Any]:  # Any: JSON
    """Questions and answers in turns, with lists, tables and code."""
    said = Language(chance)
    key = _id(chance)
    told: list[dict[str, Any]] = []
    for number in range(messages):
        told.append(_message(number, messages, key, told, chance, said))
    at = rfc3339(BEGAN)
    conversation = {
        "id": key,
        "title": "A long talk about first layers",
        "created_at": at,
        "updated_at": told[-1]["created_at"],
        "active_message_id": told[-1]["id"],
        "message_count": messages,
    }
    return {
        "format": "orca-agents.conversation",
        "version": 1,
        "conversation": conversation,
        "messages": told,
    }


def _message(
    number: int,
    of: int,
    key: str,
    before: list[dict[str, Any]],
    chance: random.Random,
    said: Language,
) -> dict[str, Any]:
    is_question = number % 2 == 0
    if is_question:
        content = f"Question number {number // 2 + 1} of {of // 2}: {said.text(12)}"
    else:
        parts = {name: said.text(chance.randint(15, 40)) for name in ("first", "second", "third")}
        rest = {"fourth": said.text(4), "fifth": said.text(60)}
        content = ANSWER.format(**parts, **rest, degrees=chance.randint(200, 260))
    return {
        "id": _id(chance),
        "conversation_id": key,
        "parent_id": before[-1]["id"] if before else None,
        "role": "user" if is_question else "assistant",
        "content": content,
        "model": None if is_question else "bench:latest",
        "provider": None if is_question else "ollama",
        "created_at": rfc3339(BEGAN + timedelta(seconds=20 * number)),
    }


def _id(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))
