"""The hub as one more model server, and what it allows held against all the others."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from agent.inference.allowed import Allowed
from agent.inference.backend import Backend, Limits
from agent.inference.backends import Backends
from agent.inference.openai import OpenAI
from agent.inference.openai_facts import is_remote
from agent.inference.rules import canonical_name
from agent.inference.transport import KeySource
from agent.shared.clock import Clock
from agent.team.failures import HubFailures
from agent.team.hub import program
from agent.team.rules import Policy

NAME = "team"
STAYS = "The team lets no text leave for a cloud, so {place} is not asked."
AT_ONCE = Limits(8, 4)  # the hub has queues and quotas of its own


class TeamModels:
    """It comes and goes with the sign-in; as long as it is away, the others answer."""

    def __init__(
        self,
        backends: Backends,
        clock: Clock,
        *,
        allowed: Allowed,
        first_token_s: float,
        stall_s: float,
    ) -> None:
        self._backends, self._clock, self._allowed = backends, clock, allowed
        self._first_token_s, self._stall_s = first_token_s, stall_s
        self._backend: Backend | None = None
        self._policy: Policy | None = None
        self._offered: dict[str, bool] = {}  # whether it is in a cloud alone, by name

    async def begin(self, url: str, keys: KeySource, ca_file: str | None) -> None:
        """Once; it is asked from now on."""
        if self._backend is not None:
            return
        provider = OpenAI(
            f"{url}/v1",
            key_source=keys,
            program=program(),
            failures=HubFailures(f"{url}/v1"),
            ca_file=Path(ca_file) if ca_file else None,
            first_byte_s=self._first_token_s,
            idle_s=self._stall_s,
            stays_near=not self._allowed.cloud,
        )
        backend = Backend(
            provider,
            name=self._free_name(),
            limits=AT_ONCE,
            clock=self._clock,
            up_every_s=30.0,
            down_every_s=10.0,
            within_s=10.0,
            allowed=self._allowed,
        )
        backend.place = "The hub of your team"
        await self._backends.add(backend)
        self._backend = backend

    def heard(
        self,
        policy: Policy,
        offered: Iterable[Mapping[str, object]] = (),
        default_model: object = None,
    ) -> None:
        """What the hub allows, which holds from now on, and what it offers: a model that several
        of its servers have is one, in a cloud if it is nowhere else. `default_model` answers there
        where nobody names one."""
        self._policy = policy
        if self._backend is not None:
            self._backend.default_model = default_model if isinstance(default_model, str) else ""
        cloud: dict[str, bool] = {}
        loaded = set[str]()
        for one in offered:
            if name := str(one["name"]):
                is_far = one.get("is_cloud") is True
                cloud[name] = cloud.get(name, True) and is_far
                if one.get("loaded") is True and not is_far:  # of a cloud it says nothing
                    loaded.add(canonical_name(name))
        self._offered = cloud
        if self._backend is not None:
            self._backend.told_loaded = frozenset(loaded)
        self._backends.obey(self._hold)

    async def end(self) -> None:
        """Nothing of it is asked or obeyed any more."""
        if self._backend is not None:
            backend, self._backend = self._backend, None
            await self._backends.remove(backend.name)
        self._policy, self._offered = None, {}
        self._backends.obey(self._hold)

    def told(self) -> dict[str, object]:
        state, policy = self._backend.state if self._backend else None, self._policy
        return {
            "backend": self._backend.name if self._backend else None,
            "is_up": bool(state and state.is_up),
            "models": [
                {"name": name, "is_cloud": is_cloud} for name, is_cloud in self._offered.items()
            ],
            "policy": {
                "cloud": policy.cloud,
                "models": list(policy.models),
                "providers": list(policy.providers),
            }
            if policy
            else None,
        }

    def _hold(self, backend: Backend) -> None:
        """Without the cloud, no server outside the house is asked but the hub, which obeys its own
        rules."""
        cloud = self._policy is None or self._policy.cloud
        is_hub = backend is self._backend
        far = not is_hub and is_remote(backend.provider.url)
        reason = STAYS.format(place=backend.name) if far and not cloud else None
        backend.obey(cloud=cloud or is_hub, refusal=reason)

    def _free_name(self) -> str:
        taken = {one.name for one in self._backends}
        names = (NAME, *(f"{NAME}-{number}" for number in range(2, 100)))
        return next(name for name in names if name not in taken)
