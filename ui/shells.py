"""Which of the ways to show an icon and a window is taken here."""

import importlib.util
import sys

from ui.shell import Shell


def shell_called(name: str) -> Shell:
    """The shell of that name; for an empty one the best of this system. Raises ImportError."""
    if name == "gtk" or (not name and _best() == "gtk"):
        from ui.gtk_shell import GtkShell  # optional dependency

        return GtkShell()
    if name == "pystray" or (not name and _best() == "pystray"):
        from ui.pystray_shell import PystrayShell  # optional dependency

        return PystrayShell()
    from ui.qt_shell import QtShell  # optional dependency

    return QtShell()


def _best() -> str:
    if sys.platform in {"win32", "darwin"}:
        return "pystray"
    has_qt = importlib.util.find_spec("PySide6") or importlib.util.find_spec("PyQt6")
    return "qt" if has_qt or not importlib.util.find_spec("gi") else "gtk"
