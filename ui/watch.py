"""Looks at the agent every other second, starts it when it is wanted, and tells what changes."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet

from agent.client.problems import AgentError
from ui import rules
from ui.agent_process import AgentProcess, Failure
from ui.rules import Seen

LOOK_EVERY_S = 2.0
MISSES = 5  # in a row, of an agent whose process lives
Begin = tuple[str, set[str]]  # a link that signs in, and the sessions from before


class Watch:
    """`start` begins to look for the agent; one that does not run is started only after
    `may_start`, when there is a display, and what is found is told only after `tell`, when there
    is a window to show it in."""

    def __init__(self, agent: AgentProcess) -> None:
        self._agent = agent
        self.now: Seen | None = None
        self.is_starting = True
        self.on_look: Callable[[Seen | None, Seen], None] = lambda _before, _now: None
        self.on_change: Callable[[], None] = lambda: None
        self.on_failure: Callable[[Failure | None], None] = lambda _failure: None
        self._begin: Future[Begin | None] = Future()
        self._is_wanted, self._is_over = True, False
        self._crashes: list[float] = []
        self._misses = 0
        self._poke, self._may_tell = threading.Event(), threading.Event()
        self._may_start = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def may_start(self) -> None:
        """From now on."""
        self._may_start.set()

    def begin(self, within_s: float | None) -> Begin | None:
        """A link to open the window with, if the agent is there in time."""
        try:
            return self._begin.result(within_s)
        except NotYet:
            return None

    def tell(self) -> None:
        """From now on."""
        self._may_tell.set()

    def soon(self) -> None:
        """Looks at once: something was changed."""
        self._poke.set()

    def want(self) -> None:
        """Somebody asks for the agent again, however it went before."""
        self._is_wanted = True
        self._crashes.clear()
        self._poke.set()

    def end(self) -> None:
        self._is_over = True
        self._poke.set()

    def _run(self) -> None:
        if not self._agent.lives():
            self._may_start.wait()
        failure = self._come_up()
        self._begin.set_result(None if failure else self._link())
        self._may_tell.wait()
        if failure:
            self._give_up(failure)
        while not self._is_over:
            self._look()
            self._poke.wait(LOOK_EVERY_S)
            self._poke.clear()

    def _link(self) -> Begin | None:
        try:
            return self._agent.link(), self._agent.sessions()
        except AgentError:
            return None

    def _come_up(self) -> Failure | None:
        self.is_starting = True
        self.on_change()
        failure = self._agent.come_up()
        self.is_starting = False
        return failure

    def _look(self) -> None:
        before, self.now = self.now, self._agent.look()
        if self.now is None and before and self._misses < MISSES and self._agent.lives():
            self.now = before
            self._misses += 1
            return
        self._misses = 0
        if self.now is not None:
            self._is_wanted = False  # it is there: what is missed from now on went away
            self.on_look(before, self.now)
            return
        if before is not None:
            self._has_gone()
        self.on_change()
        if self._is_wanted and not self._is_over:
            if failure := self._come_up():
                self._give_up(failure)
            else:
                self._poke.set()

    def _has_gone(self) -> None:
        """One that crashed is started again; one that was told to end is not."""
        if not self._agent.has_crashed():
            self.on_failure(None)
            return
        now_s = time.monotonic()
        self._is_wanted = rules.may_restart(self._crashes, now_s)
        self._crashes.append(now_s)
        if not self._is_wanted:
            self.on_failure(self._agent.last_words(rules.crashes(self._crashes, now_s)))

    def _give_up(self, failure: Failure) -> None:
        """Until somebody asks."""
        self._is_wanted = False
        self.on_failure(failure)
        self.on_change()
