"""The Python client of a running agent, for programs that wait for each answer."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from agent.client.problems import ClientProblem, NotRunning
from agent.runfile import find_agent
from agent.shared.clock import random_id
from agent.shared.folders import data_dir as data_dir_in_force
from agent.shared.wire import ServerSentEvent, decode_block

Json = dict[str, Any]  # Any: JSON values
CLOSING_OF = {
    "done": "done",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
    "failed": "error",
}
CLOSING = frozenset(CLOSING_OF.values())
NOT_RUNNING = "No agent runs. Start it with `make run` or `orca-agent serve`."
SILENCE_S = 45.0  # the agent sends a comment every 15 s
RECONNECT_FOR_S = 60.0


class Agent:
    """One connection to one agent. Raises ClientProblem where the agent refuses and NotRunning
    where none answers. Safe to share between threads, as httpx.Client is."""

    def __init__(self, url: str, token: str, *, data_dir: Path | None = None) -> None:
        self._data_dir = data_dir
        self._http = _connection(url, token)

    @classmethod
    def local(cls, data_dir: Path | None = None) -> Self:
        """The agent of this user, found by its data folder. Raises NotRunning."""
        folder = data_dir_in_force(data_dir)
        agent = find_agent(folder)
        if agent is None:
            raise NotRunning(NOT_RUNNING)
        return cls(agent.url, agent.token, data_dir=folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # --- calls ------------------------------------------------------------------------------

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:  # Any: httpx's own
        """Any route below /api/v1, with the keywords of httpx's `request`."""
        with _translated():
            answer = self._http.request(method, f"/api/v1{path}", **request)
        if answer.is_success:
            return answer
        raise _problem(answer)

    def json(self, method: str, path: str, **request: Any) -> Json:  # Any: httpx's own
        """`call`, with the answer read as a JSON object."""
        answer: Json = self.call(method, path, **request).json()
        return answer

    def items(self, path: str, **query: str | int | bool) -> Iterator[Json]:
        """Everything in a list, page after page."""
        cursor: str | None = None
        while True:
            page = self.json(
                "GET", path, params={**query, **({"cursor": cursor} if cursor else {})}
            )
            yield from page["items"]
            if not (cursor := page.get("next_cursor")):
                return

    def ready(self) -> Json:
        """The agent's health, whether it is good or bad."""
        with _translated():
            answer = self._http.get("/api/v1/health/ready")
        health: Json = answer.json()
        if "status" not in health or answer.status_code not in {200, 503}:
            raise _problem(answer)
        return health

    def ticket(self) -> str:
        """A link that logs one browser in, once, within a minute."""
        return str(self.json("POST", "/tickets")["url"])

    # --- chat -------------------------------------------------------------------------------

    def new_conversation(self, *, model: str | None = None, system: str | None = None) -> Json:
        asked = {"model": model, "system": system}
        return self.json("POST", "/conversations", json={k: v for k, v in asked.items() if v})

    def send(
        self,
        conversation_id: str,
        content: str,
        *,
        model: str | None = None,
        images: list[str] | None = None,
    ) -> Json:
        """Sends a message; answers `{"message", "run"}`. `images` are hashes of `upload`.

        Sent again by itself if the connection breaks: the message is taken once."""
        body: Json = {"content": content, "images": images or []}
        if model:
            body["model"] = model
        path = f"/conversations/{conversation_id}/messages"
        headers = {"Idempotency-Key": random_id()}
        try:
            return self.json("POST", path, json=body, headers=headers)
        except NotRunning:
            self._find_again()
            return self.json("POST", path, json=body, headers=headers)

    def upload(self, image: Path) -> str:
        """Uploads a picture; answers its hash. Raises OSError if the file cannot be read."""
        with image.open("rb") as file:
            answer = self.json("POST", "/images", files={"file": (image.name, file)})
        return str(answer["sha256"])

    def cancel(self, run_id: str) -> Json:
        """Stops a run, and the model with it. An ended run is left as it is."""
        return self.json("POST", f"/runs/{run_id}/cancel")

    # --- events -----------------------------------------------------------------------------

    def events(self, run_id: str, *, after: int = 0) -> Iterator[ServerSentEvent]:
        """Every event of a run behind number `after`, once and in order, until it ends.

        Goes on where it was when the connection breaks or the agent is started anew; raises
        NotRunning if that takes longer than a minute."""
        gives_up_at = time.monotonic() + RECONNECT_FOR_S
        while True:
            try:
                for event in self._stream(run_id, after):
                    after = event.seq
                    gives_up_at = time.monotonic() + RECONNECT_FOR_S
                    yield event
                    if event.name in CLOSING:
                        return
                if closing := self._closing(run_id, after):
                    yield closing
                    return
            except NotRunning:
                if time.monotonic() > gives_up_at:
                    raise
            time.sleep(0.25)
            self._find_again()

    def _stream(self, run_id: str, after: int) -> Iterator[ServerSentEvent]:
        headers = {"Last-Event-ID": str(after), "Accept": "text/event-stream"}
        patience = httpx.Timeout(5, read=SILENCE_S)
        path = f"/api/v1/runs/{run_id}/events"
        with (
            _translated(),
            self._http.stream("GET", path, headers=headers, timeout=patience) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise _problem(answer)
            block = b""
            for piece in answer.iter_bytes():
                *whole, block = (block + piece).split(b"\n\n")
                for text in whole:
                    event = decode_block(text)
                    if event and event.seq > after:
                        yield event

    def _closing(self, run_id: str, after: int) -> ServerSentEvent | None:
        """The end of a run whose stream said none. A crash can take the last events with it, so
        that the closing one has a number that this reader has passed."""
        run = self.json("GET", f"/runs/{run_id}")
        name = CLOSING_OF.get(str(run["state"]))
        return ServerSentEvent(after + 1, name, {"problem": run.get("problem")}) if name else None

    def _find_again(self) -> None:
        found = find_agent(self._data_dir) if self._data_dir else None
        if found:
            self._http.close()
            self._http = _connection(found.url, found.token)


def _connection(url: str, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {token}", "User-Agent": "orca-agent-client"},
        timeout=httpx.Timeout(5, read=30),
        trust_env=False,  # a proxy has no place between two programs of one computer
        verify=False,  # noqa: S501 - plain HTTP: reading the authorities would only cost time
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as err:
        raise NotRunning(
            "The agent does not answer in time. `orca-agent doctor` says more."
        ) from err
    except httpx.TransportError as err:
        raise NotRunning(NOT_RUNNING) from err


def _problem(answer: httpx.Response) -> ClientProblem:
    try:
        document: Mapping[str, object] = answer.json()
    except ValueError:
        document = {}
    return ClientProblem.of(document if isinstance(document, dict) else {}, answer.status_code)
