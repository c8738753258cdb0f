"""The model servers: Ollama on this computer, all others, their queues, and their models."""

import os
from dataclasses import dataclass

from agent.inference.backend import Backend, Limits
from agent.inference.backends import Backends
from agent.inference.inference import Inference
from agent.inference.ollama import Ollama
from agent.inference.queue import Queue, Queues
from agent.inference.registry import BackendService, Patience
from agent.models.hardware import memory_in_reach
from agent.models.overrides import overrides_of
from agent.models.profiles import OWN_NAME, Profiles
from agent.models.service import ModelService
from agent.runtime.rules import Pace, Sizing, memory_limit_bytes
from agent.runtime.service import Runtime
from agent.runtime.watch import Policy, Surroundings, Watch
from agent.settings import Settings
from agent.wiring.core import Core

QUEUE_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers and what is asked of them. `ollama` is the one on this computer."""

    settings: Settings
    ollama: Backend
    runtime: Runtime
    queues: Queues
    backends: Backends
    registry: BackendService
    profiles: Profiles
    models: ModelService
    inference: Inference

    async def context_tokens(self) -> int:
        """As set, else as the profile of this computer says."""
        found = await self.profiles.settle()
        return int(found.options["num_ctx"]) if found else self.settings.context_tokens

    def around(self) -> Surroundings:
        """What the process of Ollama has to know of the rest."""

        async def sizing() -> Sizing:
            found = await self.profiles.settle()
            return Sizing.of(found.options if found else {})

        def is_idle() -> bool:
            states = (self.queues.text.state, self.queues.vision.state)
            return not any(state.running or state.waiting for state in states)

        return Surroundings(
            sizing, is_idle=is_idle, models_loaded=lambda: len(self.ollama.state.loaded)
        )


async def open_servers(core: Core, pace: Pace) -> Servers:
    """Nothing is asked of a server yet: `Backends.add` begins that, once all is in place."""
    settings = core.settings
    memory_bytes, _ = memory_in_reach()
    ollama, runtime = await _open_ollama(core, pace, memory_bytes)
    text, vision = (
        Queue(name, lanes={}, capacity=settings.waiting_chats, wait_limit_s=QUEUE_WAIT_S)
        for name in ("text", "vision")
    )
    queues = Queues(text, vision)
    backends = Backends(queues)
    profiles = Profiles(settings.data_dir / OWN_NAME, overrides_of(settings))
    registry = BackendService(
        core.database,
        backends,
        core.secrets,
        Patience(settings.first_token_seconds, settings.stall_seconds),
        clock=core.clock,
        new_id=core.new_id,
        allowed=settings.allowed,
    )
    models = ModelService(
        backends,
        default_model=settings.default_model,
        memory_bytes=memory_bytes,
        profiles=profiles,
        allowed=settings.allowed,
    )
    inference = Inference(backends, queues)
    return Servers(
        settings, ollama, runtime, queues, backends, registry, profiles, models, inference
    )


async def _open_ollama(core: Core, pace: Pace, memory_bytes: int) -> tuple[Backend, Runtime]:
    settings = core.settings
    provider = Ollama(
        settings.ollama_url,
        first_byte_s=settings.first_token_seconds,
        idle_s=settings.stall_seconds,
        stays_near=not settings.cloud,
    )
    lanes = Limits(settings.concurrent_chats, settings.concurrent_visions)
    backend = Backend(provider, limits=lanes, clock=core.clock, allowed=settings.allowed)

    def moved(url: str) -> None:
        provider.move_to(url)
        backend.has_moved()

    policy = Policy(
        manages=settings.manage_ollama == "auto",
        binary=settings.ollama_binary,
        memory_limit_bytes=memory_limit_bytes(memory_bytes, settings.ollama_memory_mb),
        refusal=backend.refusal,
    )
    runtime = Runtime(
        Watch(
            settings.ollama_url,
            settings.data_dir,
            settings.log_dir,
            policy,
            pace=pace,
            clock=core.clock,
            inherited=os.environ if settings.cloud else {**os.environ, "OLLAMA_NO_CLOUD": "1"},
            moved=moved,
        )
    )
    core.stack.push_async_callback(runtime.close)
    await runtime.prepare()
    backend.on_silence = runtime.stalled
    return backend, runtime
