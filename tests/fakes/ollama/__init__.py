"""A test double of Ollama: a real server that can be told to misbehave."""

from .answer import Seen
from .behaviour import RUNNER_DIED, WRAPPED_ERROR, Behaviour
from .server import Departure, FakeOllama

__all__ = ["RUNNER_DIED", "WRAPPED_ERROR", "Behaviour", "Departure", "FakeOllama", "Seen"]
