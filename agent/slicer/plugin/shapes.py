"""What the routes of the plugin take and say."""

from collections.abc import Sequence

from agent.shared.web import In, Out
from agent.slicer.plugin.rules import State
from agent.slicer.plugin.service import Done, Place


class PluginIn(In):
    """`path`: one of the listed folders, or another that OrcaSlicer has made; absent: all of those
    that are listed."""

    path: str | None = None


class PluginFolderOut(Out):
    path: str
    state: State
    version: str | None


class PluginOut(Out):
    version: str
    folders: list[PluginFolderOut]


class PluginDoneOut(PluginOut):
    """`kept`: names of copies of files that somebody had changed."""

    kept: list[str]


def plugin(version: str, places: Sequence[Place]) -> dict[str, object]:
    folders = [
        {"path": str(one.path), "state": one.state, "version": one.version} for one in places
    ]
    return {"version": version, "folders": folders}


def done(version: str, places: Sequence[Place], done: Sequence[Done]) -> dict[str, object]:
    return {**plugin(version, places), "kept": [one.kept for one in done if one.kept]}
