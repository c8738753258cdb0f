"""The cache of shrunk pictures: never too large, oldest first, from any thread."""

import sqlite3
import tempfile
import threading
from collections import OrderedDict
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.images.cache import Found, VariantCache
from agent.images.rules import Variant, fitted, is_current, mime_of, surplus
from tests.clock import MovingClock

LIMIT, AGE = 10_000, timedelta(hours=1)


def found(size: int, shade: int = 0) -> Found:
    return Found(Variant(bytes([shade % 256]) * size, "image/jpeg", 4, 3), 9 * size)


def cache_in(folder: Path, clock: MovingClock, limit: int = LIMIT) -> VariantCache:
    return VariantCache(folder / "images.db", limit_bytes=limit, age=AGE, clock=clock)


@given(st.lists(st.integers(0, 500)), st.integers(0, 5000))
def test_only_the_oldest_go_and_only_as_many_as_must(sizes: list[int], limit: int) -> None:
    entries = list(enumerate(sizes))
    total = sum(sizes)

    gone = surplus(entries, total, limit)

    assert gone == list(range(len(gone)))
    left = total - sum(sizes[: len(gone)])
    assert left <= limit
    if gone:
        assert left + sizes[gone[-1]] > limit


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 16_383))
def test_a_fitted_size_keeps_the_shape_and_never_grows(width: int, height: int, edge: int) -> None:
    small = fitted(width, height, edge)

    if max(width, height) <= edge:
        assert small == (width, height)
    else:
        assert max(small) == edge
        assert min(small) >= 1
        exact = min(width, height) * edge / max(width, height)
        assert abs(min(small) - max(1, exact)) <= 0.5


@given(st.binary(max_size=40))
def test_any_bytes_are_of_a_known_type_or_none(data: bytes) -> None:
    assert mime_of(data) in {None, "image/png", "image/jpeg", "image/gif", "image/webp"} | (
        {"image/heic"} if data[4:8] == b"ftyp" else set()
    )


def test_what_was_used_in_the_future_is_of_an_unknown_age() -> None:
    told = [is_current(used_at, 10_000, 3600) for used_at in (6400, 6401, 10_000, 10_002, 1e9)]

    assert told == [False, True, True, False, False]


class CacheMachine(RuleBasedStateMachine):
    """Beside a dictionary in the order of use, which is what it shall behave like."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = MovingClock()
        self.cache = cache_in(Path(self.folder.name), self.clock)
        self.sizes: OrderedDict[int, int] = OrderedDict()  # pixels: bytes, least recent first
        self.used: dict[int, float] = {}
        self.origins: dict[str, int] = {}
        self.evicted = 0

    def teardown(self) -> None:
        if hasattr(self, "cache"):
            self.cache.close()
            self.folder.cleanup()

    @rule(pixels=st.integers(0, 12), size=st.integers(1, 4000), disguise=st.integers(0, 1))
    def keep(self, pixels: int, size: int, disguise: int) -> None:
        size = self.sizes.get(pixels, size)  # the same pixels make the same bytes
        name = f"{pixels}/{disguise}"
        self.cache.keep(name, "small", str(pixels), found(size, pixels))
        self.sizes[pixels] = size
        self.origins[name] = pixels
        self._use(pixels)
        while sum(self.sizes.values()) > LIMIT:
            self._drop(next(iter(self.sizes)))

    @rule(size=st.integers(LIMIT + 1, LIMIT + 50))
    def keep_what_never_fits(self, size: int) -> None:
        self.cache.keep("huge", "small", f"huge {size}", found(size))

    @rule(pixels=st.integers(0, 12), disguise=st.integers(0, 1))
    def find(self, pixels: int, disguise: int) -> None:
        name = f"{pixels}/{disguise}"
        is_there = self.origins.get(name) in self.sizes and self._is_fresh(pixels)

        got = self.cache.find(name, "small")

        assert got == (found(self.sizes[pixels], pixels) if is_there else None)
        assert self.cache.find(name, "large") is None
        if is_there:
            self._use(pixels)

    @rule(minutes=st.integers(1, 50))
    def wait(self, minutes: int) -> None:
        self.clock.passes(minutes=minutes)

    @rule()
    def expire(self) -> None:
        self.cache.expire()
        for pixels in [one for one in self.sizes if not self._is_fresh(one)]:
            self._drop(pixels)

    @precondition(lambda self: self.origins)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.origins)))
        self.cache.forget([name])
        pixels = self.origins.pop(name)
        if pixels in self.sizes and pixels not in self.origins.values():
            del self.sizes[pixels]

    @rule()
    def restart(self) -> None:
        self.cache.close()
        evicted = self.cache.evicted
        self.cache = cache_in(Path(self.folder.name), self.clock)
        self.cache.evicted = evicted

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        if hasattr(self, "cache"):
            total = sum(self.sizes.values())
            assert self.cache.totals() == (len(self.sizes), total)
            assert total <= LIMIT
            assert self.cache.evicted == self.evicted

    def _use(self, pixels: int) -> None:
        self.sizes.move_to_end(pixels)
        self.used[pixels] = self.clock().timestamp()

    def _is_fresh(self, pixels: int) -> bool:
        return self.used[pixels] > (self.clock() - AGE).timestamp()

    def _drop(self, pixels: int) -> None:
        del self.sizes[pixels]
        self.origins = {name: one for name, one in self.origins.items() if one != pixels}
        self.evicted += 1


CacheMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
test_the_cache_behaves_like_a_bounded_dictionary_in_the_order_of_use = CacheMachine.TestCase


def test_a_dozen_threads_at_once_keep_the_bound(tmp_path: Path) -> None:
    cache, failed = cache_in(tmp_path, MovingClock()), list[object]()

    def work(number: int) -> None:
        for turn in range(40):
            pixels = (number * 7 + turn) % 20
            cache.keep(f"{pixels}", "small", f"{pixels}", found(1000, pixels))
            got = cache.find(f"{pixels}", "small")
            if got not in {None, found(1000, pixels)} or cache.totals()[1] > LIMIT:
                failed.append(got)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    totals = cache.totals()
    cache.close()

    assert failed == []
    assert totals == (10, LIMIT)


def test_the_file_gives_the_disk_back_what_expired(tmp_path: Path) -> None:
    clock = MovingClock()
    cache = cache_in(tmp_path, clock, 1 << 30)
    for number in range(40):
        cache.keep(str(number), "small", str(number), found(200_000, number))
    cache.close()
    full = (tmp_path / "images.db").stat().st_size

    clock.passes(hours=2)
    cache.expire()
    cache.close()

    assert full > 8_000_000
    assert (tmp_path / "images.db").stat().st_size < 200_000


@pytest.mark.parametrize(
    "spoil", [b"no database at all " * 500, b"SQLite format 3\0" + bytes(20_000)]
)
def test_a_damaged_file_is_begun_anew(
    tmp_path: Path, spoil: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "images.db").write_bytes(spoil)
    cache = cache_in(tmp_path, MovingClock())

    before = cache.find("a", "small")
    cache.keep("a", "small", "pixels", found(10))
    after = cache.find("a", "small")
    cache.close()

    assert (before, after) == (None, found(10))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_file_of_another_version_is_begun_anew(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "images.db")) as other:
        other.execute("PRAGMA user_version = 99")
        other.execute("CREATE TABLE variant (other TEXT)")
        other.commit()
    cache = cache_in(tmp_path, MovingClock())

    cache.keep("a", "small", "pixels", found(10))
    cache.keep("a", "small", "pixels", found(10))

    assert cache.find("a", "small") == found(10)
    cache.close()


def test_a_folder_that_cannot_be_written_costs_time_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = cache_in(tmp_path / "absent", MovingClock())

    for _ in range(3):
        cache.keep("a", "small", "pixels", found(10))

    assert cache.find("a", "small") is None
    assert cache.totals() == (0, 0)
    assert len(caplog.records) == 1
