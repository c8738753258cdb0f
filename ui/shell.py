"""What the program asks of a desktop: an icon with a menu, sentences, and a window's dress.

Qt, GTK and pystray each do it in their own way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ui.rules import Place, Screen, State

Act = Callable[[], None]
Window = Any  # Any: pywebview's, whose types are not installed where ours are checked


class Unshowable(Exception):
    """Nothing can be shown here; the text is the reason, for the person who asked."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu; without a label it parts two groups."""

    label: str = ""
    act: Act | None = None
    is_checked: bool | None = None
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """The icon and its menu at one moment."""

    state: State
    count: int
    tip: str
    entries: tuple[Entry, ...]


class Shell(Protocol):
    """`open` comes first, on the main thread; then everything may be called from any thread,
    but `place_of` and `dress`, which belong to the main one."""

    name: str  # as pywebview knows it

    def open(self, *, has_icon: bool, storage: Path) -> None:
        """Connects to the desktop. Raises Unshowable."""

    def on_open(self, act: Act) -> None:
        """What a click on the icon itself does."""

    def has_icon(self) -> bool:
        """Whether the icon can be seen, so that a closed window can be got back."""

    def show(self, look: Look) -> None:
        """Draws the icon and its menu."""

    def tell(self, title: str, text: str, act: Act) -> None:
        """A notification, as the desktop shows them; `act` for a click on it."""

    def screens(self) -> Sequence[Screen]: ...

    def is_dark(self) -> bool:
        """Whether the desktop is dark."""

    def dress(
        self, window: Window, is_ours: Callable[[str], bool], saved: Callable[[Path], None]
    ) -> None:
        """Makes a window of pywebview that exists by now behave: links that are not ours leave
        for the browser, downloads go where people look."""

    def raise_(self, window: Window) -> None:
        """Shows the window before all others."""

    def place_of(self, window: Window) -> Place | None:
        """Where the window is; None if the system does not tell."""

    def call(self, act: Act) -> None:
        """Has the main thread do it, soon."""

    def show_file(self, file: Path) -> None:
        """Opens a file with the program that the user has for it."""
