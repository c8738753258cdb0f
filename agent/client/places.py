"""Where an agent is, how one gets in, and what its refusals say."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypedDict, TypeVar, Unpack

import httpx
import orjson

from agent.client.problems import (
    AgentError,
    ClientProblem,
    ConnectionLost,
    Denied,
    NoAnswerInTime,
    NotRunning,
)
from agent.client.requests import BASE, SILENCE_S, Call
from agent.client.retries import Attempts
from agent.runfile import find_agent, find_process
from agent.shared.folders import data_dir as data_dir_in_force

T = TypeVar("T")

CONNECT_S = 5.0
IDLE_CONNECTIONS = 32
NOT_RUNNING = "No agent runs. Start it with `make run` or `orca-agent serve`."
SILENT = (
    "The agent (process {pid}) does not answer at {url}. If it stays so, end it with "
    "`orca-agent stop` and start it anew."
)
TOO_SLOW = "The agent does not answer in time. `orca-agent doctor` says more."
LOST = "The connection to the agent broke. `orca-agent status` says whether it runs."


@dataclass(frozen=True, slots=True)
class Place:
    """Where an agent is, and with which token one gets in. With a data folder it is found again
    after a restart, also at another port."""

    url: str
    token: str
    project: str | None = None
    data_dir: Path | None = None

    def signed(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        """Headers, with who asks and for which project."""
        project = {"X-Project": self.project} if self.project else {}
        return {"Authorization": f"Bearer {self.token}", **project, **(headers or {})}

    def may_have_moved(self, err: AgentError | None) -> bool:
        """Whether what went wrong can come of an agent that was started anew since."""
        return self.data_dir is not None and isinstance(err, (NotRunning, Denied, type(None)))

    def found_again(self) -> "Place":
        """The agent as its folder tells of it now; this one if it tells of none."""
        found = find_agent(self.data_dir) if self.data_dir else None
        return Place(found.url, found.token, self.project, self.data_dir) if found else self


def read(call: Call[T], answer: httpx.Response) -> T:
    """What an answer says. Raises AgentError if no agent can have said it."""
    try:
        return call.read(answer.content)
    except (ValueError, LookupError, TypeError, AttributeError) as err:
        raise AgentError(
            f"What answers at {answer.url.copy_with(path='/')} is no agent.",
            code="not-an-agent",
            status=answer.status_code,
        ) from err


class Ways(TypedDict, total=False):
    """How a client behaves: see `Client`."""

    project: str | None
    timeout: float
    retry_for: float


class Client:
    """What both clients know, and how they ask: where the agent is, and how long it may take."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        data_dir: Path | None = None,
        project: str | None = None,
        timeout: float = 30.0,
        retry_for: float = 10.0,
    ) -> None:
        """An agent at an address. With `data_dir` it is found again after a restart. `project`
        is what requests are counted for; `timeout` is how many seconds an answer may take, where
        a call says nothing else; `retry_for` is how long a call is tried again while nobody
        answers or the agent is busy. It is sent again only where that cannot do the same thing
        twice. Raises nothing: nothing is sent yet."""
        self._place = Place(url.rstrip("/"), token, project, data_dir)
        self._timeout_s, self._retry_s = timeout, retry_for

    @property
    def url(self) -> str:
        """Where the agent is, as last found."""
        return self._place.url

    @property
    def project(self) -> str:
        """What requests are counted for."""
        return self._place.project or "default"

    @classmethod
    def local(cls, data_dir: Path | str | None = None, **ways: Unpack[Ways]) -> Self:
        """The running agent of this user, found by the file agent.json in its data folder.

        Returns a client. Raises NotRunning."""
        folder = data_dir_in_force(Path(data_dir) if data_dir else None)
        if (agent := find_agent(folder)) is None:
            raise absent(folder)
        return cls(agent.url, agent.token, data_dir=folder, **ways)

    def _asked(
        self, method: str, path: str, timeout: float, request: Mapping[str, Any]
    ) -> dict[str, Any]:  # Any: httpx's own keywords
        return {
            **request,
            "method": method,
            "url": f"{self._place.url}{BASE}{path}",
            "headers": self._place.signed(request.get("headers")),
            "timeout": httpx.Timeout(CONNECT_S, read=None if math.isinf(timeout) else timeout),
        }

    def _streaming(self, call: Call[Any]) -> dict[str, Any]:  # Any: of every call
        silence_s = call.timeout_s or SILENCE_S
        return self._asked(call.method, call.path, silence_s, call.sent())

    def _attempts(self, *, repeats: bool) -> Attempts:
        return Attempts(self._retry_s, repeats, looks_up=self._place.data_dir is not None)


def absent(data_dir: Path) -> NotRunning:
    """Why no agent of this folder can be asked."""
    if silent := find_process(data_dir):
        return NoAnswerInTime(SILENT.format(pid=silent.pid, url=silent.url))
    return NotRunning(NOT_RUNNING)


def connections(url: str) -> dict[str, Any]:  # Any: httpx's own keywords
    """How one connects to an agent: to this computer without proxies, and without reading the
    certificate authorities, which takes longer than many an answer."""
    return {
        "headers": {"User-Agent": "orca-agent-client"},
        "trust_env": False,
        "verify": url.startswith("https:"),
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=IDLE_CONNECTIONS),
    }


@contextmanager
def translated() -> Iterator[None]:
    """The exceptions of httpx as those of this package."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as err:
        raise NotRunning(NOT_RUNNING) from err
    except httpx.TimeoutException as err:
        raise NoAnswerInTime(TOO_SLOW) from err
    except httpx.TransportError as err:
        raise ConnectionLost(LOST) from err


def problem_of(answer: httpx.Response) -> ClientProblem:
    """What a refusal says, read whole already."""
    try:
        document = orjson.loads(answer.content)
    except ValueError:
        document = None
    known: Mapping[str, object] = document if isinstance(document, dict) else {}
    waits = answer.headers.get("Retry-After", "")
    if waits.isdecimal() and "retry_after_s" not in known:
        known = {**known, "retry_after_s": int(waits)}
    return ClientProblem.of(known, answer.status_code)
