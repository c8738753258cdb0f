"""Which version of the program this is."""

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """The version that is installed."""
    try:
        return version("orca-agents")
    except PackageNotFoundError:  # started from a folder that was never installed
        return "0+unknown"
