"""What pywebview's Qt window lacks: where links lead, where downloads go, a menu for text."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ui.files import free_name, in_browser

Qt = Any  # Any: PySide6's, whose types are not installed where ours are checked
IsOurs = Callable[[str], bool]
ON, OFF = True, False
SIDE_SIZE = (900, 700)
EDITING = ("Cut", "Copy", "Paste", "SelectAll", "CopyLinkToClipboard", "CopyImageToClipboard")


def dress(view: Qt, is_ours: IsOurs, saved: Callable[[Path], None]) -> list[Qt]:
    """Makes pywebview's view behave. What is answered must be kept as long as the view."""
    from PySide6 import QtCore, QtWebEngineCore  # optional dependency

    page, beside = view.webview.page(), []
    attribute = QtWebEngineCore.QWebEngineSettings.WebAttribute
    page.settings().setAttribute(attribute.JavascriptCanAccessClipboard, ON)
    page.settings().setAttribute(attribute.LocalContentCanAccessFileUrls, OFF)
    page.navigationRequested.connect(lambda asked: _navigate(asked, is_ours))
    page.renderProcessTerminated.connect(
        lambda *_: QtCore.QTimer.singleShot(500, view.webview.reload)
    )
    view.profile.downloadRequested.connect(lambda download: _download(download, saved))
    view.webview.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.CustomContextMenu)
    view.webview.customContextMenuRequested.connect(lambda where: _text_menu(view.webview, where))

    def new_window(asked: Qt) -> None:
        address = asked.requestedUrl().toString()
        if is_ours(address):
            beside.append(_side_window(view, asked))
        else:
            _leave(address)

    def no_window(_kind: Qt) -> None:
        """pywebview answers every request with the same page, which ends the process at the
        second one."""

    page.newWindowRequested.connect(new_window)
    page.createWindow = no_window
    return [beside, no_window]


def _navigate(asked: Qt, is_ours: IsOurs) -> None:
    address = asked.url().toString()
    if not asked.isMainFrame() or is_ours(address) or address.startswith("blob:"):
        return
    asked.reject()
    _leave(address)


def _leave(address: str) -> None:
    # A browser that is started may take its time.
    threading.Thread(target=in_browser, args=(address,), name="browser", daemon=True).start()


def _side_window(view: Qt, asked: Qt) -> Qt:
    """A picture or a document of the agent, beside the panel: a browser would have to sign in."""
    from PySide6 import QtWebEngineCore, QtWebEngineWidgets  # optional dependency

    side = QtWebEngineWidgets.QWebEngineView()
    side.setPage(QtWebEngineCore.QWebEnginePage(view.profile, side))
    side.setWindowIcon(view.windowIcon())
    side.titleChanged.connect(side.setWindowTitle)
    side.resize(*SIDE_SIZE)
    asked.openIn(side.page())
    side.show()
    return side


def _download(download: Qt, saved: Callable[[Path], None]) -> None:
    """Into the folder of downloads, under a name that is free."""
    from PySide6 import QtCore  # optional dependency

    places = QtCore.QStandardPaths
    folder = Path(places.writableLocation(places.StandardLocation.DownloadLocation))
    folder.mkdir(parents=True, exist_ok=True)
    file = free_name(folder, Path(download.suggestedFileName()).name or "download")
    download.setDownloadDirectory(str(folder))
    download.setDownloadFileName(file.name)

    def ended() -> None:
        if download.state() == download.DownloadState.DownloadCompleted:
            saved(file)

    download.isFinishedChanged.connect(ended)
    download.accept()


def _text_menu(webview: Qt, where: Qt) -> None:
    """Of Qt's own menu, what one does with text; the rest is a browser's."""
    page = webview.page()
    kept = {page.action(getattr(page.WebAction, name)) for name in EDITING}
    menu = webview.createStandardContextMenu()
    for action in menu.actions():
        if action not in kept:
            menu.removeAction(action)
    if menu.actions():
        menu.popup(webview.mapToGlobal(where))
