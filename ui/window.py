"""The window: pywebview around the agent's page, signed in by a link that works once."""

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.client.problems import AgentError
from ui import failing, rules
from ui.agent_process import AgentProcess, Failure
from ui.files import START
from ui.kept import Kept
from ui.rules import SMALLEST
from ui.shell import Shell
from ui.words import Words

DARK, LIGHT = "#16191d", "#ffffff"
SESSION_S = 10.0


class PanelWindow:
    """Made once, hidden and shown as wanted. It holds a page of the agent, or says why not."""

    def __init__(self, shell: Shell, agent: AgentProcess, kept: Kept, words: Words) -> None:
        self._shell, self._agent, self._kept, self._words = shell, agent, kept, words
        self._window: Any = None  # Any: pywebview's
        self._loading = threading.Lock()
        self._url = ""  # of the agent whose page is shown; empty: none
        self._session: str | None = None
        self._is_waiting = False  # a page of our own is shown in the place of the agent's
        self._has_failed = False
        self._key = ""  # that the page about a failure has; empty while another page is shown
        self.acts: Mapping[str, Callable[[], None]] = {}  # what the buttons of that page do
        self.on_close: Callable[[], bool] = lambda: True
        self.on_saved: Callable[[Path], None] = lambda _file: None

    @property
    def is_shown(self) -> bool:
        """Whether it shows a page of the agent."""
        return bool(self._url)

    @property
    def tells_failure(self) -> bool:
        """Whether it shows why there is no agent."""
        return bool(self._key) and self._has_failed

    def make(self, *, is_hidden: bool, link: str) -> None:
        """On the main thread, before the loop begins. `link` signs in; without one it waits."""
        import webview  # optional dependency

        self._url = self._agent.where() if link else ""
        screens = self._shell.screens()
        where = rules.place(self._kept.place, screens)
        first = screens[0] if screens else rules.Screen(0, 0, 0, 0)
        self._window = webview.create_window(
            self._words("name"),
            url=link or None,
            html=None if link else failing.starting(self._words),
            width=where.width,
            height=where.height,
            x=None if where.x is None else where.x - first.x,
            y=None if where.y is None else where.y - first.y,
            min_size=SMALLEST,
            hidden=is_hidden,
            maximized=where.is_maximized and not is_hidden,
            background_color=DARK if self._shell.is_dark() else LIGHT,
            text_select=True,
        )
        self._window.expose(*(self._button(name) for name in failing.ACTS))
        self._window.events.closing += self._closing
        self._window.events.before_show += self._dress

    def open(self, page: str = "") -> None:
        """Brings the window forward, at a page of the panel where one is named."""
        self._shell.raise_(self._window)
        if not self.is_shown:
            self.show_agent(page)
        elif page:
            self._window.run_js(f"location.hash = {json.dumps(f'#/{page}')}")

    def show_agent(self, page: str = "") -> None:
        """Signs in and loads the agent's page; with no agent it stays as it is."""
        with self._loading:
            try:
                known = self._agent.sessions()
                link = self._agent.link()
            except AgentError:
                return
            self._key = ""
            self._url = self._agent.where()  # first: what is not ours leaves for the browser
            self._window.load_url(link + (f"#/{page}" if page else ""))
            self.remember_session(known)

    def remember_session(self, known: set[str]) -> None:
        """Finds out which session is this window's: the one that was not there before."""
        new: set[str] = set()

        def came() -> bool:
            with suppress(AgentError):
                new.update(self._agent.sessions() - known)
            return bool(new)

        self._agent.wait_until(came, at_most_s=SESSION_S)
        self._session = new.pop() if len(new) == 1 else None

    def come_back(self) -> None:
        """The agent is there again: a page that was signed in goes on by itself, another one is
        signed in anew."""
        if (self._url and self._is_signed_out()) or (not self._url and self._is_waiting):
            self.show_agent()
        elif self._url:
            self._run(failing.no_bar())

    def _is_signed_out(self) -> bool:
        """Whether the agent does not know the session of this window any more, or has moved."""
        if self._agent.where() != self._url:
            return True
        try:
            return self._session is not None and self._session not in self._agent.sessions()
        except AgentError:
            return False

    def show_failure(self, failure: Failure | None) -> None:
        """Why there is no agent, and what can be done. A page whose agent was only told to end
        stays: it says so itself, may hold half a question, and gets a line to start it."""
        if self._url and failure is None:
            if self._shell.name:  # else a link is the system's own affair
                self._run(failing.bar(self._words))
            return
        self._url, self._is_waiting, self._has_failed = "", True, failure is not None
        self._key = secrets.token_hex(16)
        self._window.load_html(failing.failed(self._words, failure, self._key))

    def show_starting(self) -> None:
        """Until there is a page to show."""
        self._key = ""
        if not self._url:
            self._is_waiting = True
            self._window.load_html(failing.starting(self._words))

    def sign_out(self) -> None:
        """The window is not needed any more: neither is its session."""
        if self._session:
            self._agent.sign_out(self._session)

    def remember_place(self) -> None:
        """On the main thread."""
        if place := self._shell.place_of(self._window):
            self._kept.keep(place=place)

    def destroy(self) -> None:
        """Ends the loop with it."""
        self.on_close = lambda: True
        self._window.destroy()

    def _button(self, name: str) -> Callable[[object], None]:
        """What pywebview lets every page of the window call, a stranger's too: it does nothing
        without the key of the page that offers it. A closure, as nothing else may be reached."""

        def press(key: object = None) -> None:
            if self._key and key == self._key and (act := self.acts.get(name)):
                act()

        press.__name__ = name
        return press

    def _run(self, script: str) -> None:
        """In a thread of its own: a page that hangs answers never."""
        threading.Thread(
            target=self._window.run_js, args=(script,), name="a script", daemon=True
        ).start()

    def _dress(self) -> None:
        self._shell.dress(self._window, self._is_ours, self.on_saved)

    def _is_ours(self, address: str) -> bool:
        """Whether an address may be shown in the window. One is a button, and no address."""
        if address == START and (start := self.acts.get("retry")):
            start()
            return False
        return address.startswith(("data:", "about:")) or (
            bool(self._url) and (address == self._url or address.startswith(f"{self._url}/"))
        )

    def _closing(self) -> bool:
        """False keeps it."""
        self.remember_place()
        if self.on_close():
            return True
        self._window.hide()
        return False
