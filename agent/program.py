"""The program behind its socket: opened, opened anew, and ended.

The socket answers first. The program is imported and opened while it does, and once more, with
the settings of then, whenever somebody asks for that."""

import asyncio
import logging
import os
import signal
from contextlib import AsyncExitStack, suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Literal

import typer

from agent import ports, runfile
from agent.runfile import RunningAgent
from agent.server import Server
from agent.settings import BadSettings, Settings, load_again
from agent.shared import garbage
from agent.shared.clock import rfc3339, system_clock
from agent.shared.errors import OrcaError
from agent.shared.logs import log_at
from agent.shared.standard_output import Unsaid
from agent.shared.switch import Switch
from agent.shared.tasks import running
from agent.terminal import absent_default, clean, has_display, hint, show
from agent.version import program_version

if TYPE_CHECKING:
    from agent.app import Agent

LOOK_S = 2.0
Outcome = Literal["stop", "restart", "again", "failed"]

log = logging.getLogger(__name__)


class Program:
    """One process, and its socket. What it ends with is an exit code."""

    def __init__(self, settings: Settings, bound: ports.Bound, *, browser: bool) -> None:
        self._settings, self._bound, self._browser = settings, bound, browser
        self._bound_for = settings.asked_port
        self._switch, self._started_at = Switch(), rfc3339(system_clock())
        self._is_announced = False
        self._worked: Settings | None = None  # those of the last opening

    async def run(self) -> int:
        """Serves until it is told to end."""
        self._obey_signals()
        try:
            while (code := await self._run_on_this_port()) is None:
                self._bound_for = self._settings.asked_port
                self._bound = ports.bind(self._bound_for)
                if self._bound.notice:
                    log.warning(self._bound.notice)
        finally:
            self._forget_address()
        log.info("ended")
        return code

    async def _run_on_this_port(self) -> int | None:
        """None if the settings want another one."""
        server = Server(self._bound.listener)
        async with running(server=server.run()):
            await server.answers()
            await asyncio.to_thread(_import)
            while (outcome := await self._serve_once(server)) in {"restart", "again"}:
                if outcome == "restart":
                    self._take_new_settings()
                if self._settings.asked_port != self._bound_for:
                    break
            await server.close(_nothing)
        return {"stop": 0, "failed": 1}.get(outcome)

    async def _serve_once(self, server: Server) -> Outcome:
        """Opens the program, and closes it when somebody asks for that."""
        if self._switch.wish == "stop":
            return "stop"
        async with AsyncExitStack() as stack:
            agent = await self._opened(stack)
            if agent is None:
                return self._after_a_failure()
            self._worked = self._settings
            server.open(agent.app)
            await self._tell(agent)
            wish = await self._switch.asked()
            if wish == "stop":
                self._forget_address()
                log.info("ending")
                await server.close(agent.end_streams)
            else:
                log.info("opening anew")
                await server.renew(agent.end_streams)
        return wish

    async def _opened(self, stack: AsyncExitStack) -> "Agent | None":
        """None if it cannot be opened, which the log says. The first time raises what is a
        mistake of its own."""
        from agent.app import open_agent  # slow import

        try:
            if await self._put_back():
                self._take_new_settings()
            settings = self._settings.model_copy(update={"port": self._bound.port})
            log_at(settings.log_level)
            return await stack.enter_async_context(open_agent(settings, switch=self._switch))
        except OrcaError as err:
            log.error("the agent cannot start: %s", err.detail)
        except Exception:  # an outermost loop: what worked a moment ago is tried once more
            if not self._has_others_that_worked:
                raise
            log.exception("the agent cannot start with these settings")
        return None

    @property
    def _has_others_that_worked(self) -> bool:
        return self._worked is not None and self._worked is not self._settings

    def _after_a_failure(self) -> Outcome:
        if self._worked is None or not self._has_others_that_worked:
            return "failed"
        log.error("the settings stay as they were: with those of now the agent does not start")
        self._settings = self._worked
        return "again"

    async def _put_back(self) -> bool:
        """Puts a backup in place that waits for that. Raises OrcaError."""
        from agent.keeping.applying import apply_pending  # slow import

        folder, now = self._settings.data_dir, system_clock()
        work = partial(apply_pending, folder, version=program_version(), now=now)
        return await asyncio.to_thread(work) is not None

    def _take_new_settings(self) -> None:
        try:
            self._settings = load_again(self._settings)
        except BadSettings as err:
            log.error("the settings stay as they were: %s", err)

    async def _tell(self, agent: "Agent") -> None:
        """Where it is: in `agent.json`, and at the first time to the person at the terminal."""
        try:
            runfile.write(self._settings.data_dir, self._run_file())
        except OSError as err:
            if not self._is_announced:
                raise
            # Those who know the address go on; to end now would help nobody.
            log.error("%s cannot be written: %s", runfile.FILE_NAME, err.strerror)
        log.info("serving on port %d, process %d", self._bound.port, os.getpid())
        if not self._is_announced:
            self._is_announced = True
            await _announce(agent, self._settings, browser=self._browser)

    def _run_file(self) -> RunningAgent:
        return RunningAgent(
            url=f"http://{ports.HOST}:{self._bound.port}",
            port=self._bound.port,
            pid=os.getpid(),
            token=runfile.read_token(self._settings.data_dir) or "",
            started_at=self._started_at,
            version=program_version(),
        )

    def _forget_address(self) -> None:
        runfile.remove(self._settings.data_dir, os.getpid())

    def _obey_signals(self) -> None:
        """The first request to end is obeyed; the second one ends the process at once."""
        loop = asyncio.get_running_loop()

        def end(number: int) -> None:
            if self._switch.wish == "stop":
                self._forget_address()
                os._exit(128 + number)  # what was answered is on the disk already
            self._switch.stop()

        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is None:
                continue
            try:
                loop.add_signal_handler(number, end, number)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda n, _frame: loop.call_soon_threadsafe(end, n))


async def _announce(agent: "Agent", settings: Settings, *, browser: bool) -> None:
    _say(f"Orca Agents {program_version()} runs. Only this computer can reach it.")
    _say(f"Open:  {await agent.new_link()}")
    _say(hint("       (opens once, within a minute; `orca-agent url` makes another)"))
    _say(f"Data:  {settings.data_dir}")
    _say(hint("End:   Ctrl-C, or `orca-agent stop`"))
    if browser and has_display(os.environ):
        show(await agent.new_link())
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_S):
            await agent.backend.until(lambda state: state.state != "unknown")
    _say(f"Model: {clean(agent.default_model() or 'none yet, the guide answers')}")
    if absent := agent.absent_default_model():
        _say(f"       {clean(hint(absent_default(absent)))}")


def _say(text: str) -> None:
    with suppress(OSError, Unsaid):  # a terminal that has gone, or a full disk, ends no agent
        typer.echo(text)


def _import() -> None:
    """In a thread, so that the socket answers meanwhile."""
    import_module("agent.app")
    garbage.resume()


async def _nothing() -> None:
    """There are no streams any more."""
