"""Brings the files of the update source, and nothing from elsewhere."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPMessage
from typing import IO, Any

from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient.fetcher import FetcherInterface

from agent.updates.rules import LARGEST_BYTES

PIECE_BYTES = 16 * 1024
AGENT = "orca-agents"  # no version: the source need not know how old this program is


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Another host is another source: nothing is followed."""


class Fetcher(FetcherInterface):
    """Over urllib, which knows the proxies of this computer. Everything together has
    `patience_s` seconds, and each wait for a few bytes a quarter of it."""

    def __init__(self, *, patience_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._patience_s, self._now = patience_s, now
        self._until = now() + patience_s
        self._opener = urllib.request.build_opener(_NoRedirect())

    def _fetch(self, url: str) -> Iterator[bytes]:
        request = urllib.request.Request(url, headers={"User-Agent": AGENT})  # noqa: S310 - the scheme is checked where the source is set
        try:
            answer = self._opener.open(request, timeout=self._wait_s())
        except urllib.error.HTTPError as err:
            err.close()
            raise DownloadHTTPError(f"status {err.code}", err.code) from None
        except TimeoutError:
            raise SlowRetrievalError("no answer in time") from None
        except (OSError, HTTPException) as err:
            if isinstance(getattr(err, "reason", None), TimeoutError):
                raise SlowRetrievalError("no answer in time") from None
            raise DownloadError("no connection") from err
        return self._read(answer)

    def _read(self, answer: Any) -> Iterator[bytes]:  # Any: urllib's answer has no common type
        """One piece more than anything may have, at the most: whoever asked sees that it is too
        much, and the connection is closed before that."""
        pieces, length = [], 0
        with answer:
            while length <= LARGEST_BYTES:
                self._wait_s()
                try:
                    # What has arrived, not all that was asked for: a slow sender is noticed.
                    piece = answer.read1(PIECE_BYTES)
                except TimeoutError:
                    raise SlowRetrievalError("the source fell silent") from None
                except (OSError, HTTPException) as err:
                    raise DownloadError("the connection broke") from err
                if not piece:
                    break
                pieces.append(piece)
                length += len(piece)
        return iter(pieces)

    def _wait_s(self) -> float:
        """Raises SlowRetrievalError where no time is left."""
        left_s = self._until - self._now()
        if left_s <= 0:
            raise SlowRetrievalError("the source is too slow")
        return min(left_s, self._patience_s / 4)
