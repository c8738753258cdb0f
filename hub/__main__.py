"""`python -m hub` and the command `orca-hub`."""

from hub.cli import app


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 something is wrong, 2 bad usage or settings."""
    app(prog_name="orca-hub")


if __name__ == "__main__":
    main()
