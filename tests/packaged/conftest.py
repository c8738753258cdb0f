"""What `make package` left in dist/, or in the folder that ORCA_PACKAGES names."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaged.chroot import CleanSystem, clean_system

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "packaging"))  # its modules are programs, not a library


@pytest.fixture(scope="session")
def packages() -> Path:
    folder = Path(os.environ.get("ORCA_PACKAGES", ROOT / "dist"))
    if not list(folder.glob("*.deb")):
        pytest.fail(f"there is no .deb in {folder}: run `make package` first")
    return folder


@pytest.fixture(scope="session")
def deb(packages: Path) -> Path:
    return next(packages.glob("orca-agents_*.deb"))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanSystem]:
    with clean_system(tmp_path_factory.mktemp("clean")) as made:
        yield made
