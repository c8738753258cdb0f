"""Whether this Python has its shared library, which packages take along: exit code 0, or 1."""

import sys
import sysconfig
from pathlib import Path

name = str(sysconfig.get_config_var("INSTSONAME") or "")
folder = Path(str(sysconfig.get_config_var("LIBDIR") or "/usr/lib"))
folders = (folder, folder / str(sysconfig.get_config_var("MULTIARCH") or ""))
sys.exit(0 if ".so" in name and any((one / name).exists() for one in folders) else 1)
