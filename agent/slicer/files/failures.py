"""What may be wrong with a file, in words."""

from agent.shared.errors import NotFound, TooLarge


def no_file() -> NotFound:
    return NotFound("no-such-file", "There is no sliced file with this id.")


def too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(
        "file-too-large",
        f"The file is larger than the {limit_bytes >> 20} MiB that are taken in. "
        "The setting slicer_file_mb says how large one may be.",
    )
