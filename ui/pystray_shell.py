"""Windows and macOS: pywebview's own window there, and pystray's icon. Written by the documents
of both; not yet proved on a machine of either kind."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from ui.icons import png
from ui.rules import Place, Screen, State
from ui.shell import Act, Look, Window

PERSONALIZE = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"


class PystrayShell:
    """On Windows the icon runs in a thread of its own; on macOS it shares the main loop with the
    window, which is the only one that may draw."""

    name = ""

    def __init__(self) -> None:
        self._icon: Any = None  # Any: pystray's
        self._look: Look | None = None
        self._on_open: Act = lambda: None

    def open(self, *, has_icon: bool, storage: Path) -> None:
        import pystray  # optional dependency
        import webview  # optional dependency

        webview.settings["ALLOW_DOWNLOADS"] = True
        if not has_icon:
            return
        menu = pystray.Menu(lambda: self._items(pystray))
        picture = _picture(State.STARTING, 0, is_dark=self.is_dark())
        if sys.platform == "darwin":
            from AppKit import NSApplication  # platform only

            shared = NSApplication.sharedApplication()
            self._icon = pystray.Icon(
                "orca-agents", picture, "Orca Agents", menu, darwin_nsapplication=shared
            )
            self._icon.run_detached()
            return
        self._icon = pystray.Icon("orca-agents", picture, "Orca Agents", menu)
        threading.Thread(target=self._icon.run, name="icon", daemon=True).start()

    def on_open(self, act: Act) -> None:
        self._on_open = act

    def has_icon(self) -> bool:
        return self._icon is not None

    def show(self, look: Look) -> None:
        self._look = look
        if self._icon is not None:
            self._icon.icon = _picture(look.state, look.count, is_dark=self.is_dark())
            self._icon.title = look.tip
            self._icon.update_menu()

    def tell(self, title: str, text: str, act: Act) -> None:
        # Neither system tells pystray of a click on a notification: the icon is there for that.
        if self._icon is not None:
            self._icon.notify(text, title)

    def screens(self) -> Sequence[Screen]:
        import webview  # optional dependency

        return [Screen(one.x, one.y, one.width, one.height) for one in webview.screens]

    def is_dark(self) -> bool:
        if sys.platform == "win32":
            import winreg  # platform only

            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, PERSONALIZE) as key:
                    return winreg.QueryValueEx(key, "SystemUsesLightTheme")[0] == 0
            except OSError:
                return False
        if sys.platform == "darwin":
            from Foundation import NSUserDefaults  # platform only

            style = NSUserDefaults.standardUserDefaults().stringForKey_("AppleInterfaceStyle")
            return str(style or "") == "Dark"
        return False

    def dress(
        self, window: Window, is_ours: Callable[[str], bool], saved: Callable[[Path], None]
    ) -> None:
        """pywebview opens links that want a new window in the browser, and asks where to save."""

    def raise_(self, window: Window) -> None:
        window.show()
        window.restore()

    def place_of(self, window: Window) -> Place | None:
        return Place(window.width, window.height, window.x, window.y)

    def call(self, act: Act) -> None:
        act()  # pywebview hands its own calls over to the main thread

    def show_file(self, file: Path) -> None:
        if sys.platform == "win32":
            os.startfile(file)  # noqa: S606 - a file of ours, with the program the user has for it
        else:
            subprocess.run(["/usr/bin/open", str(file)], check=False)  # noqa: S603 - as above

    def _items(self, pystray: Any) -> list[Any]:  # Any: pystray's
        if self._look is None:
            return []
        items = [pystray.MenuItem("", _clicked(self._on_open), default=True, visible=False)]
        for entry in self._look.entries:
            if not entry.label:
                items.append(pystray.Menu.SEPARATOR)
                continue
            is_checked = entry.is_checked
            items.append(
                pystray.MenuItem(
                    entry.label.replace("&", "&&"),
                    _clicked(entry.act),
                    checked=None if is_checked is None else lambda _item, on=is_checked: on,
                    enabled=entry.is_enabled,
                )
            )
        return items


def _clicked(act: Act | None) -> Callable[..., None]:
    def clicked(*_: object) -> None:
        if act:
            act()

    return clicked


def _picture(state: State, count: int, *, is_dark: bool) -> Any:  # Any: Pillow's
    from PIL import Image  # slow import

    return Image.open(BytesIO(png(state, count=count, is_dark=is_dark)))
