"""The desktop's program: one icon, one window, and an agent that is there when it is wanted."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.client.problems import AgentError, NotRunning
from ui import failing, menu, rules
from ui.agent_process import AgentProcess, Failure
from ui.kept import Kept
from ui.languages import of_this_system
from ui.menu import Acts, Facts
from ui.rules import Notice, Seen
from ui.shell import Shell
from ui.shells import shell_called
from ui.single import Single, TakenError, ask_forward
from ui.watch import Begin, Watch
from ui.window import PanelWindow
from ui.words import Words

FIRST_LINK_S = 1.5
TRAY_S, TRAY_LOOK_S = 20.0, 0.5
STORAGE = "window"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for. `shell`: qt, gtk or pystray; empty is the best here."""

    has_icon: bool = True
    is_hidden: bool = False
    shell: str = ""


def run(data_dir: Path, options: Options) -> int:
    """Runs until it is quit; answers the exit code. A second one brings the first one forward.

    Raises Unshowable where nothing can be shown, ImportError without the libraries, OSError."""
    agent = AgentProcess(data_dir)
    watch = Watch(agent)
    forward: list[Callable[[], None]] = []
    try:
        with Single(data_dir, lambda: forward[0]() if forward else None):
            watch.start()  # finds one that runs while the libraries are still being loaded
            try:
                tray = Tray(shell_called(options.shell), agent, watch, options)
                forward.append(tray.open)
                return tray.run()
            finally:
                watch.end()
    except TakenError:
        if not options.is_hidden:
            ask_forward(data_dir)
        return 0


class Tray:
    """What a click asks of the agent is done in a thread of its own, so that no menu hangs."""

    def __init__(self, shell: Shell, agent: AgentProcess, watch: Watch, options: Options) -> None:
        self._shell, self._agent, self._watch, self._options = shell, agent, watch, options
        self._words = Words(rules.language(of_this_system()))
        self._kept = Kept(agent.data_dir)
        self._window = PanelWindow(shell, agent, self._kept, self._words)
        self._autostart: bool | None = None
        self._acts = Acts(
            open=self._later(self.open),
            new=self._later(lambda: self.open("new")),
            models=self._later(lambda: self.open("models")),
            held=self._later(lambda: self.open("held")),
            pause=self._later(self._pause),
            autostart=self._later(self._switch_autostart),
            start=self._later(self._start),
            log=self._later(self._show_log),
            quit=self._later(self.quit),
            quit_stop=self._later(self._quit_and_stop),
        )

    def run(self) -> int:
        """Blocks until the loop of the desktop ends."""
        options, storage = self._options, self._agent.data_dir / STORAGE
        self._shell.open(has_icon=options.has_icon, storage=storage)
        self._watch.may_start()
        self._shell.on_open(self._acts.open)
        self._watch.on_change = self._show
        self._watch.on_look = self._looked
        self._watch.on_failure = self._failed
        self._window.on_close = lambda: not self._shell.has_icon()
        self._window.on_saved = self._saved
        self._window.acts = {
            "retry": self._acts.start,
            "show_log": self._acts.log,
            "restore": self._later(self._restore),
        }
        is_hidden = options.is_hidden and options.has_icon
        begin = None if is_hidden else self._watch.begin(FIRST_LINK_S)
        self._window.make(is_hidden=is_hidden, link=begin[0] if begin else "")
        self._show()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.quit())
        import webview  # optional dependency

        webview.start(
            lambda: self._begun(begin, is_hidden=is_hidden),
            gui=self._shell.name or None,
            private_mode=False,
            storage_path=str(storage),
        )
        self._window.sign_out()
        return 0

    def open(self, page: str = "") -> None:
        """Brings the window forward, at a page of the panel where one is named."""
        self._window.open(page)
        if self._window.tells_failure:
            return  # it is read first; the page has a button
        if self._watch.now is None and not self._watch.is_starting:
            self._watch.want()

    def quit(self) -> None:
        """The agent goes on."""
        self._watch.end()

        def end() -> None:
            self._window.remember_place()
            self._window.destroy()

        self._shell.call(end)

    # --- what the watch tells -----------------------------------------------------------------

    def _begun(self, begin: Begin | None, *, is_hidden: bool) -> None:
        """In a thread of its own, once the loop is about to begin."""
        self._watch.tell()
        if is_hidden:
            self._later(self._show_without_icon)()
        elif begin:
            self._window.remember_session(begin[1])
        elif self._watch.begin(None):
            self._window.show_agent()

    def _show_without_icon(self) -> None:
        """A program that begins hidden needs an icon. At the sign-in the tray may come later than
        we; where none comes, there is the window."""
        ends_at = time.monotonic() + TRAY_S
        while not self._is_icon_seen():
            if time.monotonic() > ends_at:
                self.open()
                return
            threading.Event().wait(TRAY_LOOK_S)

    def _is_icon_seen(self) -> bool:
        """Asked on the main thread; one that does not answer has nothing to show either."""
        said: Future[bool] = Future()
        self._shell.call(lambda: said.set_result(self._shell.has_icon()))
        with suppress(NotYet):
            return said.result(TRAY_S)
        return False

    def _looked(self, before: Seen | None, now: Seen) -> None:
        told = rules.notices(before, now, known_version=self._kept.version)
        self._kept.keep(version=now.version)
        if before is None:
            with suppress(AgentError):
                self._autostart = self._agent.autostart()
            self._window.come_back()
        if before != now:
            self._show()
        for notice in told:
            self._tell(notice)

    def _failed(self, failure: Failure | None) -> None:
        self._window.show_failure(failure)
        if failure:
            title, text = failing.title(self._words, failure), self._words("told-gone-text")
            self._shell.tell(title, text, self._later(self._window.open))

    def _show(self) -> None:
        facts = Facts(
            self._watch.now,
            self._watch.is_starting,
            self._agent.log_file() is not None,
            self._autostart,
        )
        self._shell.show(menu.look(self._words, self._acts, facts))

    def _tell(self, notice: Notice) -> None:
        title = self._words(f"told-{notice.kind}")
        text = self._words(f"told-{notice.kind}-text", **notice.values)
        self._shell.tell(title, text, self._later(lambda: self.open(notice.page)))

    def _saved(self, file: Path) -> None:
        folder = self._later(lambda: self._shell.show_file(file.parent))
        self._shell.tell(self._words("saved"), file.name, folder)

    # --- what the menu does -------------------------------------------------------------------

    def _later(self, act: Callable[[], None]) -> Callable[[], None]:
        """`act` in a thread; what the agent refuses is told."""

        def begin() -> None:
            threading.Thread(target=do, name="a click", daemon=True).start()

        def do() -> None:
            try:
                act()
            except AgentError as err:
                self._shell.tell(self._words("told-refused"), err.detail, self._acts.open)

        return begin

    def _start(self) -> None:
        self._window.show_starting()
        self._watch.want()

    def _pause(self) -> None:
        now = self._watch.now
        self._agent.pause(is_on=not (now and now.is_paused))
        self._watch.soon()

    def _switch_autostart(self) -> None:
        self._autostart = self._agent.set_autostart(is_on=not self._autostart)
        self._show()

    def _show_log(self) -> None:
        if file := self._agent.log_file():
            self._shell.show_file(file)

    def _restore(self) -> None:
        self._window.show_starting()
        if failure := self._agent.restore():
            self._failed(failure)
        else:
            self._watch.want()

    def _quit_and_stop(self) -> None:
        self._watch.end()
        self._window.sign_out()
        with suppress(NotRunning):
            self._agent.stop()
        self.quit()
