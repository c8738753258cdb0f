"""The Python client of the agent.

    from agent.client import Agent

    with Agent.local() as agent:
        for text in agent.ask("Why does PETG string?").texts():
            print(text, end="")

`Agent` waits for each answer, `AsyncAgent` is the same for asyncio."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.client.aio import AsyncAgent
    from agent.client.answers import Answer, Event
    from agent.client.problems import (
        AgentError,
        Busy,
        ClientProblem,
        Conflict,
        ConnectionLost,
        Denied,
        Invalid,
        NoAnswerInTime,
        NotFound,
        NotRunning,
        Stopped,
    )
    from agent.client.sync import Agent

__all__ = [
    "Agent",
    "AgentError",
    "Answer",
    "AsyncAgent",
    "Busy",
    "ClientProblem",
    "Conflict",
    "ConnectionLost",
    "Denied",
    "Event",
    "Invalid",
    "NoAnswerInTime",
    "NotFound",
    "NotRunning",
    "Stopped",
]
_ELSEWHERE = {"Agent": "sync", "AsyncAgent": "aio", "Answer": "answers", "Event": "answers"}


def __getattr__(name: str) -> Any:  # Any: whichever name is asked for
    # When it is asked for: the command line imports this package before it knows whether it
    # will speak to an agent, and httpx takes longer than many a command.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'problems')}"), name)
