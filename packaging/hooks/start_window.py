"""What the program without a console runs first (Windows, macOS): the tray, unless told else."""

import multiprocessing
import os
import sys

multiprocessing.freeze_support()  # a library that starts copies of us must not open more windows
for _name in ("stdout", "stderr"):
    if getattr(sys, _name) is None:  # there is no console to write to
        setattr(sys, _name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
if len(sys.argv) == 1:
    sys.argv.append("tray")

from agent.__main__ import main  # noqa: E402 - behind what it writes to

main()
