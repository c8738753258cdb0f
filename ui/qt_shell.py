"""Qt: its own tray icon, and pywebview's Qt window made to behave."""

import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ui.icons import png
from ui.rules import Place, Screen, State
from ui.shell import Act, Look, Unshowable, Window
from ui.words import EN

SIDES = (22, 32, 64, 128)
TOLD_MS = 10_000
WARNINGS = 20

Qt = Any  # Any: PySide6's, whose types are not installed where ours are checked


class QtShell:
    """Everything that Qt owns lives on the main thread; others come in by `call`."""

    name = "qt"

    def __init__(self) -> None:
        self._app: Qt = None
        self._caller: Qt = None
        self._icon: Qt = None
        self._menu: Qt = None
        self._look: Look | None = None
        self._on_open: Act = lambda: None
        self._on_told: Act = lambda: None
        self._beside: list[Qt] = []

    def open(self, *, has_icon: bool, storage: Path) -> None:
        _prepare()
        import webview  # optional dependency

        webview._state["storage_path"] = str(storage)  # read once, by the import below
        import webview.platforms.qt  # slow import, and it must come before the application
        from PySide6 import QtCore, QtGui, QtWidgets  # optional dependency

        app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["Orca Agents"])
        app.setApplicationName("orca-agents")
        app.setApplicationDisplayName("Orca Agents")
        app.setDesktopFileName("orca-agents")
        app.setQuitOnLastWindowClosed(False)
        app.setWindowIcon(_drawn(State.READY, 0, is_dark=False))
        self._app, self._caller = app, _caller(QtCore)
        app.styleHints().colorSchemeChanged.connect(lambda *_: self._draw())
        if has_icon:
            self._icon, self._menu = QtWidgets.QSystemTrayIcon(), QtWidgets.QMenu()
            self._icon.setContextMenu(self._menu)
            self._icon.activated.connect(self._activated)
            self._icon.messageClicked.connect(self._told)
            self._icon.setIcon(QtGui.QIcon(_drawn(State.STARTING, 0, is_dark=False)))
            self._icon.show()

    def on_open(self, act: Act) -> None:
        self._on_open = act

    def has_icon(self) -> bool:
        return bool(self._icon) and self._icon.isSystemTrayAvailable() and self._icon.isVisible()

    def show(self, look: Look) -> None:
        self._look = look
        self.call(self._draw)

    def tell(self, title: str, text: str, act: Act) -> None:
        def tell() -> None:
            if self.has_icon():
                self._on_told = act
                self._icon.showMessage(title, text, self._icon.icon(), TOLD_MS)

        self.call(tell)

    def screens(self) -> Sequence[Screen]:
        first = self._app.primaryScreen()
        others = [one for one in self._app.screens() if one is not first]
        sizes = [one.availableGeometry() for one in [first, *others] if one]
        return [Screen(one.x(), one.y(), one.width(), one.height()) for one in sizes]

    def is_dark(self) -> bool:
        return bool(self._app.styleHints().colorScheme().name == "Dark")

    def dress(
        self, window: Window, is_ours: Callable[[str], bool], saved: Callable[[Path], None]
    ) -> None:
        from ui.qt_page import dress  # optional dependency

        self._beside = dress(window.native, is_ours, saved)

    def raise_(self, window: Window) -> None:
        def forward() -> None:
            view = window.native
            if view.isMinimized():
                view.showNormal()
            view.show()
            view.raise_()
            view.activateWindow()

        self.call(forward)

    def place_of(self, window: Window) -> Place | None:
        view = window.native
        if view.isMaximized():
            usual = view.normalGeometry()
            return Place(usual.width(), usual.height(), usual.x(), usual.y(), is_maximized=True)
        return Place(view.width(), view.height(), view.x(), view.y())

    def call(self, act: Act) -> None:
        if self._caller is not None:
            self._caller.asked.emit(act)

    def show_file(self, file: Path) -> None:
        from PySide6 import QtCore, QtGui  # optional dependency

        address = QtCore.QUrl.fromLocalFile(str(file))
        self.call(lambda: QtGui.QDesktopServices.openUrl(address))

    def _activated(self, reason: Qt) -> None:
        if reason in {self._icon.ActivationReason.Trigger, self._icon.ActivationReason.DoubleClick}:
            self._on_open()

    def _told(self) -> None:
        self._on_told()

    def _draw(self) -> None:
        if self._icon is None or self._look is None:
            return
        look = self._look
        self._icon.setIcon(_drawn(look.state, look.count, is_dark=self.is_dark()))
        self._icon.setToolTip(look.tip)
        self._menu.clear()
        for entry in look.entries:
            if not entry.label:
                self._menu.addSeparator()
                continue
            action = self._menu.addAction(entry.label.replace("&", "&&"))
            action.setEnabled(entry.is_enabled)
            if entry.is_checked is not None:
                action.setCheckable(True)
                action.setChecked(entry.is_checked)
            if entry.act:
                action.triggered.connect(lambda *_, act=entry.act: act())


def _drawn(state: State, count: int, *, is_dark: bool) -> Qt:
    from PySide6 import QtGui  # optional dependency

    icon = QtGui.QIcon()
    for side in SIDES:
        picture = QtGui.QPixmap()
        picture.loadFromData(png(state, is_dark=is_dark, count=count, side=side), "PNG")
        icon.addPixmap(picture)
    return icon


def _caller(core: Qt) -> Qt:
    class Caller(core.QObject):  # type: ignore[misc] # of Qt, known when it is there
        asked = core.Signal(object)

    caller = Caller()
    caller.asked.connect(lambda act: act(), core.Qt.ConnectionType.QueuedConnection)
    return caller


def _prepare() -> None:
    """What Qt reads from the environment, and what it says when it cannot go on."""
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise Unshowable(EN["no-display"])
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")  # Chromium has none for root
    from PySide6 import QtCore  # optional dependency

    warned: deque[str] = deque(maxlen=WARNINGS)

    def say(kind: Qt, _where: Qt, text: str) -> None:
        if kind == QtCore.QtMsgType.QtFatalMsg:  # Qt would end the process without a sentence
            reason = _reason([*warned, text])
            with suppress(OSError):
                os.write(2, (EN["no-window"].format(reason=reason) + "\n").encode())
            os._exit(1)
        warned.append(text)

    QtCore.qInstallMessageHandler(say)


def _reason(said: Sequence[str]) -> str:
    """Why Qt gives up, by what it said on the way: its last words are of reinstalling."""
    if any("could not connect to display" in one for one in said):
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY", "")
        return EN["no-answer"].format(display=display)
    if any("xcb-cursor" in one for one in said):
        return EN["no-library"]
    return said[-1].strip().splitlines()[0]
