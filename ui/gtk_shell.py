"""GTK: the second way on Linux, where Qt is not installed. The icon is an application indicator,
which has a menu and no click of its own; the notifications are the desktop's."""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ui.files import free_name, in_browser
from ui.icons import png
from ui.rules import Place, Screen, State
from ui.shell import Act, Look, Unshowable, Window
from ui.words import EN

BUS = ("org.freedesktop.Notifications", "/org/freedesktop/Notifications")
TOLD_MS = 10_000

Gtk = Any  # Any: of gi, which knows its types at run time alone


class GtkShell:
    """Everything that GTK owns is touched on the main thread; others come in by `call`."""

    name = "gtk"

    def __init__(self) -> None:
        self._gtk: Gtk = None
        self._glib: Gtk = None
        self._gio: Gtk = None
        self._indicator: Gtk = None
        self._folder = Path()
        self._told: dict[int, Act] = {}
        self._bus: Gtk = None

    def open(self, *, has_icon: bool, storage: Path) -> None:
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise Unshowable(EN["no-display"])
        import gi  # optional dependency

        gi.require_version("Gtk", "3.0")
        from gi.repository import Gio, GLib, Gtk  # optional dependency

        if not Gtk.init_check()[0]:
            raise Unshowable(EN["no-window"].format(reason="GTK does not reach the display"))
        self._gtk, self._glib, self._gio = Gtk, GLib, Gio
        GLib.set_prgname("orca-agents")
        self._folder = storage / "icons"
        self._folder.mkdir(parents=True, exist_ok=True)
        Gtk.Window.set_default_icon_from_file(str(self._file(State.READY, 0)))
        self._listen()
        if has_icon:
            self._indicator = self._make()

    def on_open(self, act: Act) -> None:
        """An indicator opens its menu at a click, whose first line does this."""

    def has_icon(self) -> bool:
        return self._indicator is not None and bool(self._indicator.props.connected)

    def show(self, look: Look) -> None:
        if self._indicator is not None:
            self.call(lambda: self._draw(look))

    def tell(self, title: str, text: str, act: Act) -> None:
        self.call(lambda: self._notify(title, text, act))

    def screens(self) -> Sequence[Screen]:
        from gi.repository import Gdk  # optional dependency

        display = Gdk.Display.get_default()
        found = [display.get_monitor(number) for number in range(display.get_n_monitors())]
        areas = [one.get_workarea() for one in found]
        return [Screen(one.x, one.y, one.width, one.height) for one in areas]

    def is_dark(self) -> bool:
        settings = self._gtk.Settings.get_default()
        theme = str(settings.props.gtk_theme_name or "").lower()
        return bool(settings.props.gtk_application_prefer_dark_theme) or theme.endswith("dark")

    def dress(
        self, window: Window, is_ours: Callable[[str], bool], saved: Callable[[Path], None]
    ) -> None:
        from webview.platforms.gtk import BrowserView  # optional dependency

        page = BrowserView.instances[window.uid].webview
        page.connect("decide-policy", lambda _page, asked, _kind: _decide(asked, is_ours))
        page.get_context().connect(
            "download-started", lambda _context, one: self._download(one, saved)
        )

    def raise_(self, window: Window) -> None:
        def forward() -> None:
            window.native.show_all()
            window.native.deiconify()
            window.native.present()

        self.call(forward)

    def place_of(self, window: Window) -> Place | None:
        view = window.native
        (width, height), (x, y) = view.get_size(), view.get_position()
        return Place(width, height, x, y, is_maximized=bool(view.is_maximized()))

    def call(self, act: Act) -> None:
        def once() -> bool:
            act()
            return False

        if self._glib is not None:
            self._glib.idle_add(once)

    def show_file(self, file: Path) -> None:
        self.call(lambda: self._gio.AppInfo.launch_default_for_uri(file.as_uri(), None))

    # --- on the main thread -----------------------------------------------------------------------

    def _make(self) -> Gtk:
        import gi  # optional dependency

        try:
            gi.require_version("AyatanaAppIndicator3", "0.1")
            from gi.repository import AyatanaAppIndicator3 as Indicators  # optional dependency
        except (ImportError, ValueError):
            return None  # a window can do without
        made = Indicators.Indicator.new(
            "orca-agents",
            str(self._file(State.STARTING, 0)),
            Indicators.IndicatorCategory.APPLICATION_STATUS,
        )
        made.set_status(Indicators.IndicatorStatus.ACTIVE)
        made.set_title("Orca Agents")
        made.set_menu(self._gtk.Menu())
        return made

    def _draw(self, look: Look) -> None:
        self._indicator.set_icon_full(str(self._file(look.state, look.count)), look.tip)
        menu = self._gtk.Menu()
        for entry in look.entries:
            if not entry.label:
                menu.append(self._gtk.SeparatorMenuItem())
                continue
            if entry.is_checked is None:
                item = self._gtk.MenuItem(label=entry.label)
            else:
                item = self._gtk.CheckMenuItem(label=entry.label)
                item.set_active(entry.is_checked)
            item.set_sensitive(entry.is_enabled)
            if entry.act:
                item.connect("activate", lambda _item, act=entry.act: act())
            menu.append(item)
        menu.show_all()
        self._indicator.set_menu(menu)

    def _file(self, state: State, count: int) -> Path:
        """An indicator is given files, and looks at a changed one no more."""
        shade = "dark" if self._gtk and self.is_dark() else "light"
        file = self._folder / f"{state.value}-{min(count, 10)}-{shade}.png"
        if not file.exists():
            file.write_bytes(png(state, count=count, is_dark=shade == "dark"))
        return file

    def _listen(self) -> None:
        with suppress(self._glib.Error):
            self._bus = self._gio.bus_get_sync(self._gio.BusType.SESSION, None)
            self._bus.signal_subscribe(
                *(BUS[0], BUS[0], "ActionInvoked", BUS[1], None),
                *(self._gio.DBusSignalFlags.NONE, self._clicked),
            )

    def _notify(self, title: str, text: str, act: Act) -> None:
        if self._bus is None:
            return
        what = ("Orca Agents", 0, str(self._file(State.READY, 0)), title, text)
        said = self._glib.Variant(
            "(susssasa{sv}i)",
            (*what, ["default", "Open"], {"urgency": _urgency(self._glib)}, TOLD_MS),
        )
        with suppress(self._glib.Error):  # a desktop without notifications
            answer = self._bus.call_sync(
                *(BUS[0], BUS[1], BUS[0], "Notify", said, None),
                *(self._gio.DBusCallFlags.NONE, TOLD_MS, None),
            )
            self._told = {answer.unpack()[0]: act}

    def _clicked(self, *about: Any) -> None:  # Any: of gi
        number, _action = about[-1].unpack() if about else (0, "")
        if act := self._told.pop(number, None):
            act()

    def _download(self, download: Gtk, saved: Callable[[Path], None]) -> None:
        found = self._glib.get_user_special_dir(self._glib.UserDirectory.DIRECTORY_DOWNLOAD)
        folder = Path(found) if found else Path.home() / "Downloads"

        def choose(one: Gtk, name: str) -> bool:
            folder.mkdir(parents=True, exist_ok=True)
            file = free_name(folder, Path(name).name or "download")
            one.set_destination(file.as_uri())
            one.connect("finished", lambda _one: saved(file))
            return True

        download.connect("decide-destination", choose)


def _urgency(glib: Gtk) -> Gtk:
    return glib.Variant("y", 1)


def _decide(asked: Gtk, is_ours: Callable[[str], bool]) -> bool:
    """Whether it is decided here: what is not ours leaves for the browser."""
    if not hasattr(asked, "get_navigation_action"):
        return False
    address = asked.get_navigation_action().get_request().get_uri()
    if is_ours(address) or address.startswith("blob:"):
        return False
    asked.ignore()
    threading.Thread(target=in_browser, args=(address,), name="browser", daemon=True).start()
    return True
