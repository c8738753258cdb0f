"""The hub that this agent belongs to: signing in and out, what it offers and what it allows."""

import asyncio
import logging
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent.inference.allowed import Allowed
from agent.shared.certificates import check_authority
from agent.shared.clock import Clock, NewSecret, rfc3339
from agent.shared.errors import Conflict, Invalid, OrcaError, Unavailable
from agent.shared.secrets import Secrets
from agent.shared.tasks import Tasks
from agent.team.attempts import Shown, by_browser, by_device
from agent.team.hub import HubClient, Json
from agent.team.keys import SECRET, TeamKeys, ended
from agent.team.link_file import read_link, write_link
from agent.team.models import TeamModels
from agent.team.rules import How, Link, Policy, State, hub_origin, machine_name

LOOK_S, AGAIN_S, LEAVING_S = 60.0, 10.0, 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody is asked to let this computer in."""

    url: str
    how: How
    shown: Shown
    until: datetime


class TeamService:
    """One hub at most. Whatever it does, all that is local goes on without it."""

    def __init__(
        self,
        data_dir: Path,
        secrets: Secrets,
        models: TeamModels,
        clock: Clock,
        new_secret: NewSecret,
        *,
        allowed: Allowed,
        open_page: Callable[[str], bool],
    ) -> None:
        self._data_dir, self._secrets, self._models = data_dir, secrets, models
        self._clock, self._new_secret, self._allowed = clock, new_secret, allowed
        self._open_page = open_page
        self._link: Link | None = None
        self._hub: HubClient | None = None
        self._keys: TeamKeys | None = None
        self._waiting: Waiting | None = None
        self._problem: OrcaError | None = None
        self._has_ended = False
        self._changing, self._tasks, self._poked = asyncio.Lock(), Tasks(), asyncio.Event()

    # --- how it stands --------------------------------------------------------------------------

    @property
    def state(self) -> State:
        if self._waiting is not None:
            return "waiting"
        if self._link is None:
            return "off"
        return "ended" if self._has_ended else "on"

    def told(self) -> dict[str, object]:
        """Never a token."""
        link, waiting = self._link, self._waiting
        return {
            "state": self.state,
            "url": waiting.url if waiting else link and link.url,
            "machine": {"id": link.machine_id, "name": link.machine_name} if link else None,
            "account": link.account if link else None,
            "connected_at": link.connected_at if link else None,
            "key_place": (link and link.key_place) or None,
            "login": _login(waiting) if waiting else None,
            "problem": self._problem.detail if self._problem else None,
            "problem_code": self._problem.code if self._problem else None,
            **self._models.told(),
        }

    def brief(self) -> dict[str, object] | None:
        """What the agent's own state says of it; None where it belongs to no hub."""
        if self._link is None:
            return None
        told = self.told()
        names = ("url", "account", "state", "is_up", "problem")
        models = told["models"]
        count = len(models) if isinstance(models, list) else 0
        return {**{name: told[name] for name in names}, "models_count": count}

    # --- in and out -----------------------------------------------------------------------------

    async def open(self) -> None:
        """Takes up what was signed in before; nobody is asked yet."""
        self._link = await asyncio.to_thread(read_link, self._data_dir)
        if self._link is not None:
            self._begin(self._link.url, self._link.ca_file)
            self._models.heard(self._link.policy)

    async def run(self) -> None:
        """Asks the hub now and then what it offers and allows."""
        while True:
            is_well = await self.look()
            try:
                async with asyncio.timeout(LOOK_S if is_well else AGAIN_S):
                    await self._poked.wait()
            except TimeoutError:
                pass
            self._poked.clear()

    async def look(self) -> bool:
        """Asks now, and says whether all is well. What is not is told as the problem."""
        link = self._link
        if link is None or self._has_ended or self._waiting is not None:
            return True
        try:
            await self._look(link)
        except OrcaError as err:
            self._has_failed(link, err)
            return False
        return True

    async def login(
        self,
        address: str,
        how: How,
        *,
        name: str = "",
        ca_file: Path | None = None,
        opens: bool = False,
    ) -> dict[str, object]:
        """Begins it; somebody has to say yes. `opens`: in the browser of this computer.

        Raises Invalid, Denied, Conflict and Unavailable."""
        url = _origin(address)
        self._allowed.check_server(f"{url}/v1")
        if ca_file is not None:
            await asyncio.to_thread(check_authority, ca_file)
        async with self._changing:
            if self.state in ("on", "waiting"):
                raise Conflict(
                    "team-signed-in",
                    "This agent belongs to a hub already. Sign out of it first: "
                    "`orca-agent team logout`.",
                )
            await self._close()
            hub = self._begin(url, str(ca_file) if ca_file else None)
            await self._is_a_hub(hub)
            self._problem = None
            shown: asyncio.Future[Shown | None] = asyncio.get_running_loop().create_future()
            attempt = self._attempt(hub, how, machine_name(name or platform.node()), shown)
            self._tasks.start(attempt, name="team login")
            page = await shown
            if page is None:
                raise self._problem or Unavailable("hub-refused", "The hub let nobody ask.")
            until = self._clock() + timedelta(seconds=page.expires_in_s)
            self._waiting = Waiting(url, how, page, until)
        if opens:
            self._open_page(page.address)
        return self.told()

    async def logout(self) -> None:
        """Also of an attempt that waits. The hub is told, if it is there."""
        async with self._changing:
            await self._stop_waiting()
            if self._keys is not None and self._hub is not None and self._link is not None:
                try:
                    async with asyncio.timeout(LEAVING_S):
                        token = await self._keys.key()
                        await self._hub.ask("DELETE", "/machines/me", token=token)
                except (OrcaError, TimeoutError):
                    log.warning("the hub was not told that this machine leaves")
            await self._forget()

    async def close(self) -> None:
        await self._tasks.close()
        if self._keys is not None:
            await self._keys.close()
        if self._hub is not None:
            await self._hub.close()

    # --- inside ---------------------------------------------------------------------------------

    def _begin(self, url: str, ca_file: str | None) -> HubClient:
        self._hub = HubClient(url, ca_file=ca_file)
        self._keys = TeamKeys(self._hub, self._secrets, self._clock, self._ended)
        return self._hub

    async def _is_a_hub(self, hub: HubClient) -> None:
        answer = await hub.ask("GET", "/auth/methods")
        if not answer.is_good or "is_first" not in answer.said:
            raise Unavailable("not-a-hub", f"What answers at {hub.url} is no hub.")
        if answer.said["is_first"]:
            raise Unavailable(
                "hub-has-nobody", "The hub has no Administrator yet. Its first start said how."
            )

    async def _attempt(
        self, hub: HubClient, how: How, name: str, shown: "asyncio.Future[Shown | None]"
    ) -> None:
        try:
            if how == "browser":
                said = await by_browser(hub, name, self._new_secret, shown.set_result)
            else:
                said = await by_device(hub, name, shown.set_result)
            await self._let_in(hub, said)
        except OrcaError as err:
            self._problem = err
        except (KeyError, TypeError, ValueError):
            self._problem = Unavailable("not-a-hub", f"What answers at {hub.url} is no hub.")
        finally:
            if not shown.done():
                shown.set_result(None)
            self._waiting = None

    async def _let_in(self, hub: HubClient, said: Json) -> None:
        if self._keys is None:
            return
        place = await self._keys.take(said)
        token = await self._keys.key()
        me = await hub.ask("GET", "/machines/me", token=token)
        link = Link(
            url=hub.url,
            machine_id=str(said["machine"]["id"]),
            machine_name=str(said["machine"]["name"]),
            account=str(me.said.get("owner", "")),
            connected_at=rfc3339(self._clock()),
            ca_file=hub.ca_file,
            key_place=place,
        )
        await asyncio.to_thread(write_link, self._data_dir, link)
        self._link, self._has_ended = link, False
        log.info("this agent belongs to the hub at %s now", hub.url)
        self._poked.set()

    async def _look(self, link: Link) -> None:
        hub, keys = self._hub, self._keys
        if hub is None or keys is None:
            return
        if not keys.is_there and not await keys.load():
            await self._ended()
            return
        if self._link is link:
            await self._models.begin(hub.url, keys.key, link.ca_file)
        me = await self._asked(hub, keys, "/machines/me")
        policy = _policy(await self._asked(hub, keys, "/policy/me"))
        offered = await self._asked(hub, keys, "/ai/models")
        if self._link is not link:
            return  # somebody signed out meanwhile
        self._problem = None
        names = (*offered.get("routes", ()), *offered.get("items", ()))
        self._models.heard(policy, names, offered.get("default_model"))
        name, owner = str(me["name"]), str(me["owner"])
        now = replace(link, machine_name=name, account=owner, policy=policy)
        if now != link:
            await asyncio.to_thread(write_link, self._data_dir, now)
            self._link = now

    async def _asked(self, hub: HubClient, keys: TeamKeys, path: str) -> Json:
        token = await keys.key()
        answer = await hub.ask("GET", path, token=token)
        if answer.status == 401:
            answer = await hub.ask("GET", path, token=await keys.key(token))
        if not answer.is_good:
            raise Unavailable("hub-refused", answer.detail)
        return answer.said

    def _has_failed(self, link: Link, err: OrcaError) -> None:
        if self._link is link and not self._has_ended:
            if err.code == "hub-away":
                err = Unavailable(err.code, f"{err.detail} What is local goes on.")
            if self._problem is None or self._problem.code != err.code:
                log.warning("the hub: %s", err.detail)
            self._problem = err

    async def _ended(self) -> None:
        """The hub threw this machine out: what it offered goes, and one may sign in again."""
        self._has_ended = True
        self._problem = ended()
        await self._models.end()
        await self._secrets.delete(SECRET)

    async def _stop_waiting(self) -> None:
        if self._waiting is not None:
            await self._tasks.close()
            self._tasks, self._waiting = Tasks(), None

    async def _forget(self) -> None:
        await self._models.end()
        if self._keys is not None:
            await self._keys.forget()
        await asyncio.to_thread(write_link, self._data_dir, None)
        await self._close()
        self._link = self._problem = None
        self._has_ended = False

    async def _close(self) -> None:
        if self._keys is not None:
            await self._keys.close()
        if self._hub is not None:
            await self._hub.close()
        self._hub = self._keys = None


def _origin(address: str) -> str:
    try:
        return hub_origin(address)
    except ValueError as err:
        raise Invalid("invalid-address", str(err), errors=[_field("url", str(err))]) from None


def _policy(said: Json) -> Policy:
    def words(name: str) -> tuple[str, ...]:
        found = said.get(name)
        return tuple(map(str, found)) if isinstance(found, list) else ("*",)

    return Policy(said.get("cloud") is not False, words("models"), words("providers"))


def _login(waiting: Waiting) -> Mapping[str, object]:
    return {
        "how": waiting.how,
        "address": waiting.shown.address,
        "user_code": waiting.shown.user_code,
        "expires_at": rfc3339(waiting.until),
    }


def _field(name: str, detail: str) -> dict[str, Any]:  # Any: as problems have it
    return {"field": name, "detail": detail}
