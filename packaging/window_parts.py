"""What of the collected libraries goes into a Linux package; most of it is for other programs."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

# What Python itself is linked with, as on the machine that packs.
OF_PYTHON = (
    *("libbz2", "libcrypto", "libexpat", "libffi", "liblzma", "libpython", "libsqlite3", "libssl"),
    *("libuuid", "libz", "libzstd"),
)
# What Qt asks for, and a desktop without Qt programs lacks. Everything else is the system's own:
# graphics drivers, sound, GLib, fonts and certificates fit each other there, and are kept safe.
OF_QT = (
    *("libxcb-cursor", "libxcb-icccm", "libxcb-image", "libxcb-keysyms", "libxcb-render-util"),
    *("libxcb-util", "libxcb-xkb", "libxkbcommon-x11", "libxkbfile"),
)
QT_LIBRARIES = {
    *("Core", "DBus", "EglFSDeviceIntegration", "Gui", "Network", "OpenGL", "OpenGLWidgets"),
    *("Positioning", "PrintSupport", "Qml", "QmlMeta", "QmlModels", "QmlWorkerScript", "Quick"),
    *("QuickWidgets", "Svg", "WaylandClient", "WebChannel", "WebChannelQuick", "WebEngineCore"),
    *("WebEngineWidgets", "Widgets", "XcbQpa", "WaylandEglClientHwIntegration"),
    "WlShellIntegration",
}
QT_MODULES = {
    *("Core", "DBus", "Gui", "Network", "OpenGL", "OpenGLWidgets", "Positioning", "PrintSupport"),
    *("Qml", "Quick", "QuickWidgets", "WebChannel", "WebEngineCore", "WebEngineWidgets", "Widgets"),
}
QT_PLUGINS = {
    *("iconengines", "imageformats", "networkinformation", "platforminputcontexts", "platforms"),
    *("platformthemes", "printsupport", "tls", "wayland-decoration-client"),
    *("wayland-graphics-integration-client", "wayland-shell-integration", "xcbglintegrations"),
}
# They would bring GTK, a keyboard on the screen, a reader of PDF along.
NO_PLUGINS = {"libqgtk3.so", "libqtvirtualkeyboardplugin.so", "libqpdf.so"}
QT_DATA = {"icudtl.dat", "qtwebengine_resources.pak", "v8_context_snapshot.bin"}
QT_DATA_PARTS = ("qtwebengine_resources_",)
LANGUAGES = ("en", "en-US", "de")


@dataclass(frozen=True)
class Kept:
    """Decides by the name under which a file was collected."""

    collected: Iterable[str]

    def has(self, name: str) -> bool:
        path = PurePosixPath(name)
        if path.parts[0] == "PySide6":
            return _is_wanted_of_qt(path)
        if len(path.parts) > 1 or not path.name.startswith("lib"):
            return True
        if path.name.startswith(("libQt6", "libicu", "libpyside6", "libshiboken6")):
            return _is_wanted_library(path.name)
        stem = path.name.split(".so")[0]
        return self._is_of_a_wheel(path.name) or _is_one(stem, OF_PYTHON) or _is_one(stem, OF_QT)

    def _is_of_a_wheel(self, name: str) -> bool:
        """Such as numpy.libs/libscipy...: links to them lie beside the system's libraries."""
        return any(one.endswith(f".libs/{name}") for one in self.collected)


def _is_one(stem: str, known: Iterable[str]) -> bool:
    return any(stem == one or (one == "libpython" and stem.startswith(one)) for one in known)


def _is_wanted_of_qt(path: PurePosixPath) -> bool:
    if len(path.parts) == 2:  # bindings, such as QtCore.abi3.so
        name = path.name.split(".")[0]
        return not name.startswith("Qt") or name.removeprefix("Qt") in QT_MODULES
    if path.parts[1] != "Qt":
        return True
    place, *rest = path.parts[2:]
    wanted = {
        "lib": _is_wanted_library(path.name),
        "libexec": True,
        "plugins": rest[0] in QT_PLUGINS and path.name not in NO_PLUGINS,
        "resources": path.name in QT_DATA or path.name.startswith(QT_DATA_PARTS),
        "translations": path.stem.removeprefix("qtbase_") in LANGUAGES,
    }
    return wanted.get(place, False)


def _is_wanted_library(name: str) -> bool:
    if name.startswith("libQt6"):
        return name.removeprefix("libQt6").split(".so")[0] in QT_LIBRARIES
    return True
