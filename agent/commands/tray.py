"""orca-agent tray"""

from pathlib import Path
from typing import Annotated

import typer

from agent.shared import folders
from agent.terminal import DataDir, fail


def tray(
    *,
    icon: Annotated[
        bool, typer.Option("--tray/--no-tray", help="An icon in the tray, or a plain window.")
    ] = True,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Begin with the icon alone, as at the sign-in.")
    ] = False,
    gtk: Annotated[bool, typer.Option("--gtk", help="GTK in place of Qt, on Linux.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show the window and an icon in the tray. Starts the agent if none runs.

    One for each user: a second start brings the window forward.

    Examples:

        orca-agent tray

        orca-agent tray --no-tray
    """
    folder = folders.data_dir(data_dir)
    try:
        from ui import words  # optional dependency
        from ui.shell import Unshowable  # optional dependency
        from ui.tray import Options, run  # slow import
    except ImportError:
        raise fail(
            "This package of the agent has no window. `orca-agent serve` has a page."
        ) from None
    options = Options(has_icon=icon, is_hidden=hidden, shell="gtk" if gtk else "")
    try:
        folders.prepare(folder)
        raise typer.Exit(run(folder, options))
    except Unshowable as err:
        raise fail(str(err)) from None
    except ImportError:
        raise fail(words.EN["no-toolkit-clone" if _is_clone() else "no-toolkit"]) from None
    except OSError as err:
        raise fail(folders.unusable(folder, err), 2) from None


def _is_clone() -> bool:
    """Whether the program runs from its source, where `make` knows what to do."""
    root = Path(__file__).parents[2]
    return all((root / name).is_file() for name in ("Makefile", "packaging/bootstrap.py"))
