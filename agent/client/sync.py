"""The Python client of a running agent, for programs that wait for each answer."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack

import httpx
import orjson

from agent.client import conversing, inferring, surroundings
from agent.client.handles import Batch, Events, Reply, Running, Stream
from agent.client.methods import documented
from agent.client.pictures import ImageSource, Picture
from agent.client.places import Client, Ways, connections, problem_of, read, translated
from agent.client.problems import AgentError, ClientProblem
from agent.client.reading import Blocks, Follower
from agent.client.requests import (
    Begun,
    Call,
    Pages,
    Streamed,
    refused,
    repeats,
    uploading,
)
from agent.client.shapes import Asking, Health, Json, Posted
from agent.client.starting import Tell, nobody, running_agent
from agent.shared.folders import data_dir as data_dir_in_force

__all__ = ["Agent"]
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=Running)


def _whole(make: Callable[P, Call[T]]) -> Callable[Concatenate["Agent", P], T]:
    def method(self: "Agent", /, *args: P.args, **named: P.kwargs) -> T:
        return self.answer_to(make(*args, **named))

    return documented(method, make, "its answer")


def _paged(make: Callable[P, Pages[T]]) -> Callable[Concatenate["Agent", P], Iterator[T]]:
    def method(self: "Agent", /, *args: P.args, **named: P.kwargs) -> Iterator[T]:
        return self._every(make(*args, **named))

    return documented(method, make, "Iterator")


def _streamed(make: Callable[P, Streamed]) -> Callable[Concatenate["Agent", P], Stream]:
    def method(self: "Agent", /, *args: P.args, **named: P.kwargs) -> Stream:
        return Stream(self._stateless(make(*args, **named)))

    return documented(method, make, "Stream")


def _begun(make: Callable[P, Begun], handle: type[R]) -> Callable[Concatenate["Agent", P], R]:
    def method(self: "Agent", /, *args: P.args, **named: P.kwargs) -> R:
        return handle(self, Begun.run_id(self.answer_to(make(*args, **named).call)))

    return documented(method, make, handle.__name__)


def _replied(make: Callable[P, Call[Posted]]) -> Callable[Concatenate["Agent", P], Reply]:
    def method(self: "Agent", /, *args: P.args, **named: P.kwargs) -> Reply:
        return self._reply(make(*args, **named))

    return documented(method, make, "Reply")


class Agent(Client):
    """A client of one agent. Every method raises what it says, and besides: NotRunning where
    none answers, NoAnswerInTime, Denied for a token that is not good for this, Busy, and
    ClientProblem for what the agent did wrong itself. All of these are AgentErrors.

    Safe to share between threads, not between processes."""

    def __init__(
        self, url: str, token: str, *, data_dir: Path | None = None, **ways: Unpack[Ways]
    ) -> None:
        """See `Client`. Raises nothing."""
        super().__init__(url, token, data_dir=data_dir, **ways)
        self._http = httpx.Client(**connections(url))

    @classmethod
    def ensure_running(
        cls,
        data_dir: Path | str | None = None,
        *,
        wait: float = 60.0,
        tell: Tell = nobody,
        command: Sequence[str] | None = None,
        **ways: Unpack[Ways],
    ) -> Self:
        """As `local`; but if no agent runs, one is started, which goes on when this program
        ends. `tell` is given sentences on what happens, and how long it took: `print` does.
        `command` starts an agent where Python cannot.

        Returns a client of an agent that is ready. Raises NotRunning, with what the agent said,
        if it ends at once or is not ready after `wait` seconds."""
        folder = data_dir_in_force(Path(data_dir) if data_dir else None)
        found = running_agent(folder, wait_s=wait, tell=tell, command=command)
        return cls(found.url, found.token, data_dir=folder, **ways)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections. Returns nothing and raises nothing."""
        self._http.close()

    # --- conversations ----------------------------------------------------------------------

    new_conversation = _whole(conversing.new_conversation)
    conversation = _whole(conversing.conversation)
    conversations = _paged(conversing.conversations)
    search = _paged(conversing.search)
    messages = _paged(conversing.messages)
    change_conversation = _whole(conversing.change_conversation)
    delete_conversation = _whole(conversing.delete_conversation)
    restore_conversation = _whole(conversing.restore_conversation)
    export_conversation = _whole(conversing.export_conversation)
    export_markdown = _whole(conversing.export_markdown)
    import_conversations = _whole(conversing.import_conversations)
    upload = _whole(conversing.upload)
    send = _whole(conversing.send)

    def ask(
        self,
        content: str,
        *,
        conversation: str | None = None,
        system: str | None = None,
        images: Sequence[ImageSource] | None = None,
        key: str | None = None,
        timeout: float | None = None,
        **more: Unpack[Asking],
    ) -> Reply:
        """Asks in a conversation, or in a new one with `system`. `timeout` is the longest silence.
        For the other keywords see `agent.client.shapes.Asking`.

        Returns the reply while it is written: iterate over it, or over its `texts()`, or wait
        for its `message()`. It goes on through lost connections and restarts of the agent; what
        has been read is not read again. Raises what `send` raises."""
        model = more.get("model")
        where = conversation or self.new_conversation(model=model, system=system)["id"]
        try:
            return self._reply(
                conversing.send(where, content, images=images, key=key, timeout=timeout, **more)
            )
        except ClientProblem:
            if conversation is None:  # what was refused leaves nothing behind
                self.delete_conversation(where)
            raise

    regenerate = _replied(conversing.regenerate)

    # --- answers outside of conversations ---------------------------------------------------

    generate = _whole(inferring.generate)
    generate_stream = _streamed(inferring.generate_stream)
    chat = _whole(inferring.chat)
    chat_stream = _streamed(inferring.chat_stream)
    vlm = _whole(inferring.vlm)
    vlm_stream = _streamed(inferring.vlm_stream)
    embed = _whole(inferring.embed)
    batch = _begun(inferring.batch, Batch)

    # --- runs -------------------------------------------------------------------------------

    run = _whole(conversing.run)
    runs = _paged(conversing.runs)
    cancel = _whole(conversing.cancel)

    def follow(self, run_id: str, *, after: int = 0) -> Running:
        """A run that goes on already, behind event number `after`.

        Returns it, to be iterated over or waited for. Raises NotFound when it is read."""
        return Running(self, run_id, after=after)

    def follow_batch(self, run_id: str) -> Batch:
        """A batch that was begun before, also by another program.

        Returns it; its `results()` begin with the first. Raises NotFound when it is read."""
        return Batch(self, run_id)

    def events(self, run_id: str, *, after: int = 0) -> Events:
        """Every event of a run behind number `after`, once and in order, until it ends.

        Returns an iterator that goes on where it was when the connection breaks or the agent is
        started anew. Raises NotFound, and NotRunning if nobody answers for a minute."""
        return self._followed(Follower(run_id, after))

    # --- models and what is around ------------------------------------------------------------

    models = _paged(surroundings.models)
    model = _whole(surroundings.model)
    pull = _begun(surroundings.pull, Running)
    load = _whole(surroundings.load)
    unload = _whole(surroundings.unload)
    delete_model = _whole(surroundings.delete_model)
    recommended = _whole(surroundings.recommended)
    backends = _paged(surroundings.backends)
    add_backend = _whole(surroundings.add_backend)
    delete_backend = _whole(surroundings.delete_backend)
    check_backend = _whole(surroundings.check_backend)
    queues = _whole(surroundings.queues)
    runtime = _whole(surroundings.runtime)
    requests = _paged(surroundings.requests)
    projects = _paged(surroundings.projects)
    performance = _whole(surroundings.performance)
    ticket = _whole(surroundings.ticket)

    def ready(self, *, timeout: float | None = None) -> Health:
        """How the agent is. Asks once, and does not wait for better times.

        Returns its health, whether it is good or bad; for a stranger the status alone. Raises
        NotRunning."""
        answer = self._once("GET", "/health/ready", timeout)
        if answer.status_code not in {200, 503} or b'"status"' not in answer.content:
            raise problem_of(answer)
        health: Health = answer.json()
        return health

    # --- any other route --------------------------------------------------------------------

    def call(
        self, method: str, path: str, *, timeout: float | None = None, **request: Any
    ) -> httpx.Response:  # Any: httpx's own
        """Any route below /api/v1, with the keywords of httpx's `request`.

        Returns httpx's answer. Raises the error of its status."""
        return self._send(
            method, path, timeout, repeats=repeats(method, request.get("headers")), **request
        )

    def json(self, method: str, path: str, **request: Any) -> Json:  # Any: httpx's own
        """As `call`. Returns the answer read as a JSON object, and raises the same."""
        answer: Json = orjson.loads(self.call(method, path, **request).content)
        return answer

    def items(self, path: str, **query: str | int | bool) -> Iterator[Json]:
        """Everything in any list, page after page. Returns an iterator, which raises what `call`
        raises."""
        return self._every(Pages(path, query, None, dict))

    # --- what is sent -------------------------------------------------------------------------

    def answer_to(self, call: Call[T]) -> T:
        """Sends a request that was described. Returns its answer; raises what it says."""
        self._upload(call.pictures, bears_bad=call.bears_bad_pictures)
        answer = self._send(
            call.method, call.path, call.timeout_s, repeats=call.repeats, **call.sent()
        )
        return read(call, answer)

    def _upload(self, pictures: Sequence[Picture], *, bears_bad: bool = False) -> None:
        for picture in pictures:
            if not picture.sha256:
                call = uploading(picture)
                try:
                    picture.sha256 = self.answer_to(call)
                except ClientProblem as problem:
                    if not bears_bad:
                        raise
                    refused(picture, call, problem)

    def _every(self, pages: Pages[T]) -> Iterator[T]:
        cursor: str | None = None
        while True:
            page = self.answer_to(pages.page(cursor))
            yield from page["items"]
            if not (cursor := page.get("next_cursor")):
                return

    def _send(
        self, method: str, path: str, timeout: float | None, *, repeats: bool, **request: Any
    ) -> httpx.Response:  # Any: httpx's own
        attempts = self._attempts(repeats=repeats)
        while True:
            try:
                answer = self._once(method, path, timeout, **request)
                if answer.is_success:
                    return answer
                raise problem_of(answer)
            except AgentError as err:
                self._wait(attempts.pause(err), err)

    def _once(
        self, method: str, path: str, timeout: float | None, **request: Any
    ) -> httpx.Response:  # Any: httpx's own
        with translated():
            asked = self._asked(method, path, timeout or self._timeout_s, request)
            return self._http.request(**asked)

    def _reply(self, call: Call[Posted]) -> Reply:
        self._upload(call.pictures)
        events = self._followed(Follower(begin=call, attempts=self._attempts(repeats=call.repeats)))
        posted: Any = next(events).data  # Any: JSON values
        return Reply(self, posted, events)

    def _followed(self, reader: Follower) -> Events:
        while True:
            err: AgentError | None = None
            try:
                with closing(self._bytes(reader.request())) as parts:
                    for part in parts:
                        yield from reader.feed(part)
                reader.check()
                if not reader.has_ended and (last := reader.closing(self.run(reader.run_id))):
                    yield last
            except AgentError as failed:
                err = failed
            if reader.has_ended:
                return
            self._wait(reader.pause(err), err)

    def _stateless(self, streamed: Streamed) -> Events:
        call = streamed.call
        self._upload(call.pictures)
        attempts = self._attempts(repeats=call.repeats)
        while True:
            blocks = Blocks()
            try:
                with closing(self._bytes(call)) as parts:
                    for part in parts:
                        yield from blocks.feed(part)
                blocks.check()
            except AgentError as err:
                if blocks.has_begun:
                    raise
                self._wait(attempts.pause(err), err)
            else:
                return

    def _bytes(self, call: Call[Any]) -> Generator[bytes, None, None]:  # Any: read elsewhere
        with translated(), self._http.stream(**self._streaming(call)) as answer:
            if not answer.is_success:
                answer.read()
                raise problem_of(answer)
            yield from answer.iter_bytes()

    def _wait(self, pause_s: float, err: AgentError | None) -> None:
        time.sleep(pause_s)
        if self._place.may_have_moved(err):
            self._place = self._place.found_again()
