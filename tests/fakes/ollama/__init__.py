"""A test double of Ollama: a real server that can be told to misbehave.

    async with FakeOllama() as fake:
        fake.add_model("qwen3:4b", capabilities=["completion", "thinking", "tools"])
        fake.misbehave(path="/api/chat", model="qwen3:4b", times=1, die_after=3)
        ...  # requests to fake.url
        await fake.client_left(timeout=3)

Everything that can go wrong is a field of Behaviour. `python -m tests.fakes.ollama` is the same as
a process, told what to do by POST /__behave and asked by GET /__stats.
"""

from .answer import Seen
from .behaviour import RUNNER_DIED, WRAPPED_ERROR, Behaviour
from .server import Departure, FakeOllama

__all__ = ["RUNNER_DIED", "WRAPPED_ERROR", "Behaviour", "Departure", "FakeOllama", "Seen"]
