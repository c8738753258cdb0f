"""Which model servers there are: the one of the settings, and those that a person added."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from agent.inference.addresses import base_url, openai_url
from agent.inference.allowed import EVERYTHING, Allowed
from agent.inference.backend import Backend, Limits
from agent.inference.backend_store import Server, Servers
from agent.inference.backends import Backends
from agent.inference.ollama import Ollama
from agent.inference.openai import OpenAI
from agent.inference.openai_facts import is_remote
from agent.inference.provider import Provider
from agent.inference.rules import InstalledModel
from agent.shared.certificates import check_authority
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, Invalid, NotFound, OrcaError, TimedOut, Unavailable
from agent.shared.secrets import Secrets

LOCAL, TEAM = "local", "team"
TRIED_WITHIN_S = 10.0
KEYS_EVERY_S = 60.0
KEY = re.compile(r"[\x21-\x7e]{1,4000}")  # what a header can carry
NO_KEY_YET = "Its key has not been read yet."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, where a server was added without its own."""

    first_token_s: float
    stall_s: float


class BackendService:
    """Adds, tests and removes model servers; what is added stays, and works at once."""

    def __init__(
        self,
        database: Database,
        backends: Backends,
        secrets: Secrets,
        patience: Patience,
        *,
        clock: Clock,
        new_id: NewId,
        allowed: Allowed = EVERYTHING,
    ) -> None:
        self._allowed = allowed
        self._db, self._backends, self._secrets = database, backends, secrets
        self._patience, self._clock, self._new_id = patience, clock, new_id
        self._servers: dict[str, Server] = {}
        self._waiting: dict[str, str] = {}  # why a server is not asked yet, by its id
        self._changing, self._is_open = asyncio.Lock(), asyncio.Event()

    async def open(self) -> None:
        """Takes up what was added before. Those with a key follow in `run`: a keyring may be
        slow, or locked."""
        async with self._db.reading() as connection:
            found = await Servers(connection).all()
        for server in found:
            self._servers[server.id] = server
            if server.key_place:
                self._waiting[server.id] = NO_KEY_YET
            else:
                await self._begin(server, "")
        self._is_open.set()

    async def run(self) -> None:
        """Reads the keys, and those of a locked keyring once it is open."""
        await self._is_open.wait()
        while True:
            for server_id in list(self._waiting):
                async with self._changing:
                    if server_id in self._waiting:
                        await self._take_up(self._servers[server_id])
            await asyncio.sleep(KEYS_EVERY_S)

    def list_all(self) -> list[dict[str, object]]:
        """The configured one first, then the team's, then in the order in which they were added;
        never a key."""
        team = [self._of_the_team(one) for one in self._backends if one.place]
        return [self._local(), *team, *(self._told(server) for server in self._servers.values())]

    async def add(
        self, asked: Server, key: str = "", *, is_forced: bool = False
    ) -> dict[str, object]:
        """Tries the server and keeps it, its key apart; id and time of `asked` are given here.

        Raises Conflict for a name or address that is there already, Invalid for an address or an
        authority's file that cannot be, Denied for one that is not allowed here, and what the
        server answered, unless `is_forced`."""
        server = replace(asked, id=self._new_id(), created_at=self._clock(), url=_address(asked))
        self._allowed.check_server(server.url)
        if key and not KEY.fullmatch(key):
            raise Invalid("invalid-key", "A key has letters, digits and signs, and no spaces.")
        if server.ca_file is not None:
            await asyncio.to_thread(check_authority, server.ca_file)
        async with self._changing:
            self._check_free(server)
            if not is_forced:
                await self._try(server, key)
            if key:
                place = await self._secrets.set(_secret_name(server), key)
                server = replace(server, key_place=place)
            try:
                async with self._db.writing() as connection:
                    await Servers(connection).add(server)
            except OrcaError:
                await self._secrets.delete(_secret_name(server))
                raise
            self._servers[server.id] = server
            await self._begin(server, key)
        log.info("model server %s was added: %s at %s", server.name, server.provider, server.url)
        await self._backends.get(server.name).check_now()
        return self._told(server)

    async def remove(self, server_id: str) -> None:
        """Forgets it and its key; what it answers now goes on to its end.

        Raises NotFound, or Conflict for the configured one and for the team's."""
        if server_id == LOCAL:
            raise Conflict(
                "configured-backend",
                "This one stands in the settings (ollama_url) and cannot be removed.",
            )
        if server_id == TEAM:
            raise Conflict(
                "team-backend",
                "This is the hub of your team. `orca-agent team logout`, or the page Team, leaves "
                "it.",
            )
        async with self._changing:
            server = self._server(server_id)
            async with self._db.writing() as connection:
                await Servers(connection).remove(server_id)
            del self._servers[server_id]
            if self._waiting.pop(server_id, None) is None:
                await self._backends.remove(server.name)
            if server.key_place:
                await self._secrets.delete(_secret_name(server))
        log.info("model server %s was removed", server.name)

    async def test(self, server_id: str) -> dict[str, object]:
        """Asks the server now; its item with `models`. Raises NotFound."""
        if server_id == TEAM:
            backend = self._team()
            state = await backend.check_now()
            return {**self._of_the_team(backend), "models": _models(state.models)}
        name = LOCAL if server_id == LOCAL else self._server(server_id).name
        async with self._changing:
            if server_id in self._waiting:
                await self._take_up(self._server(server_id))
            models: tuple[InstalledModel, ...] = ()
            if server_id not in self._waiting:
                models = (await self._backends.get(name).check_now()).models
            item = self._local() if server_id == LOCAL else self._told(self._server(server_id))
        return {**item, "models": _models(models)}

    async def _take_up(self, server: Server) -> None:
        try:
            key = await self._secrets.get(_secret_name(server))
        except Unavailable as err:
            if self._waiting[server.id] != err.detail:
                log.warning("model server %s waits for its key: %s", server.name, err.detail)
            self._waiting[server.id] = err.detail
            return
        if key is None:
            log.warning("model server %s: its key is gone", server.name)
        del self._waiting[server.id]
        await self._begin(server, key or "")

    async def _begin(self, server: Server, key: str) -> None:
        far = is_remote(server.url)
        try:
            provider = self._provider(server, key)
        except ValueError as err:  # an address that an older version took
            self._waiting[server.id] = str(err)
            return
        backend = Backend(
            provider,
            name=server.name,
            limits=Limits(server.text_limit, server.vision_limit),
            clock=self._clock,
            # Strangers count requests, and their networks are slower than the one here.
            up_every_s=30.0 if far else 3.0,
            down_every_s=10.0 if far else 2.0,
            within_s=TRIED_WITHIN_S if far else 3.0,
            allowed=self._allowed,
        )
        await self._backends.add(backend)

    async def _try(self, server: Server, key: str) -> None:
        provider = self._provider(server, key)
        try:
            async with provider, asyncio.timeout(TRIED_WITHIN_S):
                await provider.version()
                await provider.tags()
        except TimeoutError:
            raise TimedOut(
                "backend-too-slow", f"No answer from {server.url} within {TRIED_WITHIN_S:g} s."
            ) from None

    def _provider(self, server: Server, key: str) -> Provider:
        first_byte_s = server.first_token_s or self._patience.first_token_s
        idle_s = server.stall_s or self._patience.stall_s
        connect_s, stays_near = server.connect_s or 5.0, not self._allowed.cloud
        if server.provider == "ollama":
            return Ollama(
                server.url,
                key=key,
                ca_file=server.ca_file,
                connect_s=connect_s,
                first_byte_s=first_byte_s,
                idle_s=idle_s,
                stays_near=stays_near,
            )
        return OpenAI(
            server.url,
            key=key,
            organisation=server.organisation,
            ca_file=server.ca_file,
            sees=server.sees,
            connect_s=connect_s,
            first_byte_s=first_byte_s,
            idle_s=idle_s,
            stays_near=stays_near,
        )

    def _check_free(self, server: Server) -> None:
        names = {one.name for one in self._backends} | {one.name for one in self._servers.values()}
        if server.name in names | {LOCAL}:
            raise Conflict("backend-exists", f"There is a backend called {server.name} already.")
        same = (server.provider, server.url, server.organisation)
        known = [(one.name, one.provider.kind, one.provider.url, "") for one in self._backends]
        known += [(o.name, o.provider, o.url, o.organisation) for o in self._servers.values()]
        if twin := next((name for name, *about in known if tuple(about) == same), None):
            raise Conflict(
                "backend-address-exists", f"{server.url} is the address of {twin} already."
            )

    def _server(self, server_id: str) -> Server:
        try:
            return self._servers[server_id]
        except KeyError:
            raise _no_such() from None

    def _local(self) -> dict[str, object]:
        backend = self._backends.get(LOCAL)
        about = Server(LOCAL, LOCAL, backend.provider.kind, backend.provider.url, self._clock())
        return {**self._told(about), "source": "settings", "created_at": None}

    def _team(self) -> Backend:
        for backend in self._backends:
            if backend.place:
                return backend
        raise _no_such()

    def _of_the_team(self, backend: Backend) -> dict[str, object]:
        told, now = backend.to_json(), self._clock()
        about = Server(TEAM, backend.name, backend.provider.kind, backend.provider.url, now)
        known = {name: told[name] for name in TOLD}
        return {**_item(about, known), "source": "team", "created_at": None}

    def _told(self, server: Server) -> dict[str, object]:
        told: Mapping[str, object] = {}
        if server.id in self._waiting:
            limits = {"text": server.text_limit, "vision": server.vision_limit}
            told = {**NOT_ASKED, "detail": self._waiting[server.id], "limits": limits}
        else:
            told = self._backends.get(server.name).to_json()
        return _item(server, {name: told[name] for name in TOLD})


def _item(server: Server, told: Mapping[str, object]) -> dict[str, object]:
    return {
        "id": server.id,
        **told,
        "name": server.name,
        "source": "added",
        "provider": server.provider,
        "url": server.url,
        "warning": told["warning"] or _warning(server),
        "organisation": server.organisation,
        "ca_file": server.ca_file.name if server.ca_file else None,
        "sees": list(server.sees),
        "has_key": bool(server.key_place),
        "key_place": server.key_place or None,
        "created_at": rfc3339(server.created_at),
    }


def _models(models: Iterable[InstalledModel]) -> list[dict[str, object]]:
    return [
        {
            "name": model.name,
            "capabilities": list(model.capabilities),
            "context_length": model.context_length,
        }
        for model in models
    ]


def _no_such() -> NotFound:
    return NotFound("no-such-backend", "There is no backend with this id.")


NOT_ASKED: Mapping[str, object] = {
    "state": "unknown",
    "version": None,
    "since": None,
    "warning": None,
    "models_count": 0,
    "breaker": "closed",
    "in_flight": 0,
}
TOLD = (*NOT_ASKED, "detail", "limits")


def _address(server: Server) -> str:
    read: Callable[[str], str] = base_url if server.provider == "ollama" else openai_url
    try:
        return read(server.url)
    except ValueError as err:
        raise Invalid(
            "invalid-address", str(err), errors=[{"field": "url", "detail": str(err)}]
        ) from None


def _secret_name(server: Server) -> str:
    return f"backend {server.id}"


def _warning(server: Server) -> str | None:
    if server.key_place and server.url.startswith("http:") and is_remote(server.url):
        return "The key and everything that is asked travel in clear text. Use https."
    return None
