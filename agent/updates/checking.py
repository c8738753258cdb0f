"""Asks the update source for the newest release, and believes nothing that is not signed.

The Update Framework (https://theupdateframework.github.io/specification/latest/): the root of
trust is pinned, newer metadata is kept, so that an older state of the source is refused, and
metadata that expired is refused, so that nobody can hold a newer release back for ever."""

from pathlib import Path

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    RepositoryError,
    SlowRetrievalError,
)
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.updater import Updater

from agent.shared.errors import Invalid, OrcaError, TimedOut, TooLarge, Unavailable
from agent.updates.fetching import Fetcher
from agent.updates.rules import LARGEST_BYTES, TARGET, Release, release_of

BOUNDS = UpdaterConfig(
    max_root_rotations=32,
    max_delegations=4,
    root_max_length=LARGEST_BYTES,
    timestamp_max_length=16 * 1024,
    snapshot_max_length=LARGEST_BYTES,
    targets_max_length=LARGEST_BYTES,
)
ADVICE = "Nothing was changed. Get the newest version from where this one came."
UNTRUSTED = "update-untrusted"
# The first that fits; the last two are what the others are kinds of.
SAYINGS: tuple[tuple[type[Exception], OrcaError], ...] = (
    (
        DownloadLengthMismatchError,
        TooLarge("update-too-large", f"The update source sends too much. {ADVICE}"),
    ),
    (
        SlowRetrievalError,
        TimedOut("update-source-slow", "The update source is too slow. Try later."),
    ),
    (
        DownloadHTTPError,
        Unavailable(
            "update-source-away", "The update source does not have what is asked for. Try later."
        ),
    ),
    (
        DownloadError,
        Unavailable("update-source-away", "The update source cannot be reached. Try later."),
    ),
    (
        ExpiredMetadataError,
        Invalid(
            "update-expired",
            "What the update source says has expired: it is not looked after, somebody holds "
            "newer versions back, or the clock of this computer is wrong. Look at the clock.",
        ),
    ),
    (
        BadVersionNumberError,
        Invalid(UNTRUSTED, f"The update source offers an older state than it did before. {ADVICE}"),
    ),
    (
        RepositoryError,
        Invalid(UNTRUSTED, f"What the update source sends is not what its owner signed. {ADVICE}"),
    ),
)


def newest(url: str, root: bytes, folder: Path, *, patience_s: float) -> Release:
    """The release that the source at `url` names, which `root` (the pinned root metadata) vouches
    for. `folder` keeps what was seen before. Blocks: for a thread.

    Raises Unavailable `update-source-away`, TimedOut `update-source-slow`, TooLarge
    `update-too-large` and Invalid `update-untrusted`, `update-expired`, `update-not-found`."""
    metadata, targets = folder / "metadata", folder / "targets"
    try:
        for one in (metadata, targets):
            one.mkdir(parents=True, exist_ok=True, mode=0o700)
        updater = Updater(
            str(metadata),
            f"{url}/metadata/",
            str(targets),
            f"{url}/targets/",
            fetcher=Fetcher(patience_s=patience_s),
            config=BOUNDS,
            bootstrap=root,
        )
        updater.refresh()
        info = updater.get_targetinfo(TARGET)
        if info is None:
            raise Invalid("update-not-found", f"The update source names no {TARGET}.")
        if info.length > LARGEST_BYTES:
            raise DownloadLengthMismatchError("the release is too long")
        found = Path(updater.find_cached_target(info) or updater.download_target(info))
        return release_of(found.read_bytes())
    except (DownloadError, RepositoryError) as err:
        raise _explained(err) from err
    except ValueError as err:
        raise Invalid("update-untrusted", f"The {TARGET} of the update source {err}.") from err
    except OSError as err:
        raise Unavailable(
            "update-not-kept",
            f"What the update source said cannot be kept: {err.strerror or 'no reason given'}.",
        ) from err


def _explained(err: Exception) -> OrcaError:
    said = next(say for kind, say in SAYINGS if isinstance(err, kind))
    return type(said)(said.code, said.detail)
