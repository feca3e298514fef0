# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache of a run: expiry, invalidation by writes, invalid files, concurrent processes."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import resource
import stat
import time
import types
import typing as t
from pathlib import Path

import pytest
from ansible import constants
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.plugins.loader import action_loader
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import ZoneSnapshot
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils import _cache
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._cache import RunCache, disable_for_run, invalidate
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    ZONE_ID,
    FakeZone,
    address,
    mapping,
    mappings,
    typed_mapping,
)

Lookup = t.Callable[..., list[t.Any]]

ROOT = Path(__file__).resolve().parents[4]


class FakeTime:
    """A fake of the module ``time``. The test advances its clock."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def fake_time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    clock = FakeTime()
    monkeypatch.setattr(_cache, "time", clock)
    return clock


@pytest.fixture
def clear_memory(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[], None]:
    """Clear the memory of this process, as in a new process."""
    return lambda: monkeypatch.setattr(_cache, "_entries", {})


def create_snapshot(*addresses: str, complete: bool = False) -> ZoneSnapshot:
    snapshot = ZoneSnapshot()
    snapshot.zone_id, snapshot.page_count, snapshot.request_count, snapshot.complete = ZONE_ID, 3, 2, complete
    snapshot.mappings = {one: typed_mapping(one) for one in addresses}
    return snapshot


def store_entry(snapshot: ZoneSnapshot, ttl: float = 300.0) -> None:
    cache = RunCache("x", ttl)
    cache.load()
    cache.store(snapshot)


def load_entry(ttl: float = 300.0) -> dict[str, t.Any]:
    """Return all fields but the zone id, which never expires."""
    return {**vars(RunCache("x", ttl).load()), "zone_id": ""}


@contextlib.contextmanager
def limit_file_size(size: int) -> t.Iterator[None]:
    """Limit the size of each file to this number of bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


EMPTY_ENTRY = vars(ZoneSnapshot())


class TestEntry:
    @pytest.mark.parametrize("complete", [False, True])
    @pytest.mark.parametrize("addresses", [[], [address(1)], [address(number) for number in range(3_500)]], ids=len)
    def test_all_fields(self, clear_memory: t.Callable[[], None], addresses: list[str], complete: bool) -> None:
        snapshot = create_snapshot(*addresses, complete=complete)
        snapshot.mappings["192.0.2.1"] = None
        snapshot.mappings["192.0.2.2"] = typed_mapping("192.0.2.2")._replace(modified_on=None, region="ü\ud800\x00")
        store_entry(snapshot)
        for dummy in range(2):
            assert load_entry() == {**vars(snapshot), "zone_id": ""}
            assert RunCache("x", 0.0).load().zone_id == ZONE_ID
            assert list(load_entry()["mappings"]) == list(snapshot.mappings)
            clear_memory()

    def test_no_entry(self) -> None:
        assert load_entry() == EMPTY_ENTRY

    def test_entry_for_each_name(self) -> None:
        store_entry(create_snapshot(address(1)))
        assert vars(RunCache("y", 300.0).load()) == EMPTY_ENTRY

    def test_loaded_entry_is_a_copy(self) -> None:
        store_entry(create_snapshot(address(1)))
        for dummy in range(2):
            snapshot = RunCache("x", 300.0).load()
            assert list(snapshot.mappings) == [address(1)]
            snapshot.mappings[address(2)] = None
            snapshot.complete = True

    def test_mappings_are_created_once(self) -> None:
        """For each version of the file: a template may look up a thousand addresses of a full zone."""
        store_entry(create_snapshot(address(1)))
        first, second = (RunCache("x", 300.0).load().mappings[address(1)] for dummy in range(2))
        assert first is second and first is not None

    def test_files_are_private(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            store_entry(create_snapshot(address(1)))
            RunCache("x", 300.0).record_failure("no", 330.0)
            disable_for_run()
            with RunCache("x", 300.0).lock():
                names = {"x", "x.lock", "x.failed", "uncertain"}
        finally:
            os.umask(before)
        modes = {entry_file.name: stat.S_IMODE(entry_file.lstat().st_mode) for entry_file in tmp_path.iterdir()}
        assert modes == {f"edgecache.cloudflare-{name}": 0o600 for name in names}

    @pytest.mark.parametrize("folder", ["missing", "a file/folder"])
    def test_unwritable_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
        (tmp_path / "a file").touch()
        monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path / folder))
        with RunCache("x", 300.0).lock():
            store_entry(create_snapshot(address(1)))
        assert load_entry() == EMPTY_ENTRY
        invalidate()

    def test_full_disk_keeps_the_previous_entry(self, clear_memory: t.Callable[[], None]) -> None:
        store_entry(create_snapshot(address(1)))
        before = load_entry()
        with limit_file_size(100):
            store_entry(create_snapshot(address(1), address(2)))
        clear_memory()
        assert load_entry() == before

    def test_invalidation_on_a_full_disk(self) -> None:
        """The invalidation cannot be recorded, but it drops the old entry."""
        store_entry(create_snapshot(address(1)))
        with limit_file_size(0):
            invalidate()
        assert load_entry() == EMPTY_ENTRY


class TestAge:
    @pytest.mark.parametrize(
        ("ttl", "seconds", "is_usable"),
        [
            (300.0, 0.0, True),
            (300.0, 299.9, True),
            (300.0, 300.0, False),
            (300.0, 1e9, False),
            (0.5, 0.4, True),
            (0.5, 0.5, False),
            (0.0, 0.0, False),
            (0.0, -1.0, False),
            # the clock is behind
            (300.0, -0.1, False),
            (300.0, -1e9, False),
        ],
    )
    def test_entry_expires(self, fake_time: FakeTime, ttl: float, seconds: float, is_usable: bool) -> None:
        store_entry(create_snapshot(address(1)))
        fake_time.now += seconds
        assert (load_entry(ttl) != EMPTY_ENTRY) is is_usable

    def test_age_of_the_oldest_part(self, fake_time: FakeTime) -> None:
        store_entry(create_snapshot(address(1)))
        fake_time.now += 200.0
        cache = RunCache("x", 300.0)
        snapshot = cache.load()
        snapshot.mappings[address(2)] = typed_mapping(address(2))
        cache.store(snapshot)
        fake_time.now += 99.0
        assert len(load_entry()["mappings"]) == 2
        fake_time.now += 1.0
        assert load_entry() == EMPTY_ENTRY

    def test_age_starts_before_the_read(self, fake_time: FakeTime) -> None:
        cache = RunCache("x", 300.0)
        cache.load()
        fake_time.now += 100.0  # the duration of the requests
        cache.store(create_snapshot(address(1)))
        fake_time.now += 200.0
        assert load_entry() == EMPTY_ENTRY


class TestInvalidate:
    def test_entry_is_dropped(self) -> None:
        store_entry(create_snapshot(address(1), complete=True))
        invalidate()
        assert load_entry() == EMPTY_ENTRY
        store_entry(create_snapshot(address(2)))
        assert list(load_entry()["mappings"]) == [address(2)]

    def test_all_names(self) -> None:
        store_entry(create_snapshot(address(1)))
        other = RunCache("y", 300.0)
        other.load()
        other.store(create_snapshot(address(1)))
        invalidate()
        assert {**vars(RunCache("y", 300.0).load()), "zone_id": ""} == load_entry() == EMPTY_ENTRY

    def test_during_a_read(self, clear_memory: t.Callable[[], None]) -> None:
        cache = RunCache("x", 300.0)
        cache.load()
        invalidate()
        cache.store(create_snapshot(address(1)))
        assert load_entry() == EMPTY_ENTRY

    def test_during_a_later_read(self) -> None:
        store_entry(create_snapshot(address(1)))
        cache = RunCache("x", 300.0)
        snapshot = cache.load()
        invalidate()
        cache.store(snapshot)
        assert load_entry() == EMPTY_ENTRY

    def test_repeatedly(self) -> None:
        for number in range(5):
            store_entry(create_snapshot(address(number)))
            assert list(load_entry()["mappings"]) == [address(number)]
            invalidate()
            assert load_entry() == EMPTY_ENTRY

    @pytest.mark.parametrize("first", [invalidate, disable_for_run])
    def test_disable_for_run(self, first: t.Callable[[], None]) -> None:
        store_entry(create_snapshot(address(1)))
        first()
        disable_for_run()
        for dummy in range(2):
            invalidate()
            assert not RunCache("x", 300.0).is_usable
            store_entry(create_snapshot(address(2)))
            assert load_entry() == EMPTY_ENTRY
        assert RunCache("x", 300.0).load().zone_id == ZONE_ID

    def test_disable_for_run_on_a_full_disk_warns(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The cache cannot be disabled, but the old entry is dropped."""
        store_entry(create_snapshot(address(1)))
        (tmp_path / "edgecache.cloudflare-uncertain").mkdir()
        with pytest.raises(OSError, match="edgecache.cloudflare-uncertain"):
            disable_for_run()
        assert load_entry() == EMPTY_ENTRY

    @pytest.mark.parametrize("kind", ["file", "folder", "pipe"])
    def test_invalid_generation(self, tmp_path: Path, kind: str) -> None:
        store_entry(create_snapshot(address(1)))
        generation = tmp_path / "edgecache.cloudflare-generation"
        text = os.readlink(generation)
        generation.unlink()
        {"file": generation.touch, "folder": generation.mkdir, "pipe": lambda: os.mkfifo(generation)}[kind]()
        assert not RunCache("x", 300.0).is_usable
        assert load_entry() == EMPTY_ENTRY
        assert len(text) == 32


class TestInvalidFile:
    """An invalid file is treated as a missing file."""

    @pytest.fixture
    def entry_file(self, tmp_path: Path, clear_memory: t.Callable[[], None]) -> Path:
        store_entry(create_snapshot(address(1)))
        clear_memory()
        return tmp_path / "edgecache.cloudflare-x"

    def test_valid_file(self, entry_file: Path) -> None:
        assert load_entry() == {**vars(create_snapshot(address(1))), "zone_id": ""}

    @staticmethod
    def check_miss(entry_file: Path) -> None:
        """Check that there is no entry, and that a new one can be stored."""
        assert load_entry() == EMPTY_ENTRY
        store_entry(create_snapshot(address(2)))
        if not entry_file.is_dir():
            assert list(load_entry()["mappings"]) == [address(2)]
            assert entry_file.is_file() and not entry_file.is_symlink()

    @pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
    def test_truncated(self, entry_file: Path, part: float) -> None:
        content = entry_file.read_bytes()
        entry_file.write_bytes(content[: int(len(content) * part)])
        self.check_miss(entry_file)

    @pytest.mark.parametrize(
        "content",
        [
            b"\x00" * 4_096,
            b"\xff\xfe",
            b"null",
            b"[]",
            b"{}",
            b"7",
            b'"x"',
            b"NaN",
            b"[" * 200_000,
            b"9" * 5_000,
            b"{}{}",
        ],
        ids=lambda value: repr(value[:8]),
    )
    def test_invalid_json(self, entry_file: Path, content: bytes) -> None:
        entry_file.write_bytes(content)
        self.check_miss(entry_file)

    @pytest.mark.parametrize(
        "change",
        [
            {"read_at": None},
            {"read_at": "1800000000"},
            {"read_at": 1_800_000_000},
            {"read_at": float("nan")},
            {"read_at": float("inf")},
            {"read_at": -float("inf")},
            {"read_at": True},
            {"generation": None},
            {"generation": "x"},
            {"zone_id": None},
            {"zone_id": 7},
            {"zone_id": "../../user"},
            {"page_count": "3"},
            {"page_count": 3.0},
            {"request_count": None},
            {"request_count": "2"},
            {"complete": None},
            {"complete": 1},
            {"complete": "yes"},
            {"mappings": None},
            {"mappings": []},
            {"mappings": [[address(1), mapping(address(1))]]},
            {"mappings": {address(1): address(1)}},
            {"mappings": {address(1): []}},
            {"mappings": {address(1): {}}},
            {"mappings": {address(1): False}},
            {"mappings": {address(1): mapping(address(2))}},
            {"mappings": {address(1): {**mapping(address(1)), "vendor": None}}},
            {"mappings": {address(1): {**mapping(address(1)), "region": ["us-east-1"]}}},
            {"mappings": {address(1): {**mapping(address(1)), "modified_on": 7}}},
            {"mappings": {address(1): {**mapping(address(1)), "more": "x"}}},
            {"mappings": {address(2): None, address(1): {"origin_ip": address(1)}}},
            {"more": 1},
        ],
        ids=str,
    )
    def test_wrong_types(self, entry_file: Path, change: dict[str, t.Any]) -> None:
        entry = json.loads(entry_file.read_text(encoding="utf-8"))
        entry_file.write_text(json.dumps({**entry, **change}), encoding="utf-8")
        self.check_miss(entry_file)

    @pytest.mark.parametrize(
        "key", ["read_at", "generation", "zone_id", "page_count", "request_count", "complete", "mappings"]
    )
    def test_missing_key(self, entry_file: Path, key: str) -> None:
        entry = json.loads(entry_file.read_text(encoding="utf-8"))
        del entry[key]
        entry_file.write_text(json.dumps(entry), encoding="utf-8")
        self.check_miss(entry_file)

    def test_folder(self, entry_file: Path) -> None:
        entry_file.unlink()
        entry_file.mkdir()
        self.check_miss(entry_file)

    @pytest.mark.parametrize("remembered", [False, True])
    def test_missing_file(self, entry_file: Path, remembered: bool) -> None:
        if remembered:
            load_entry()
        entry_file.unlink()
        self.check_miss(entry_file)

    def test_invalid_after_a_load(self, entry_file: Path) -> None:
        assert load_entry() != EMPTY_ENTRY
        entry_file.write_bytes(entry_file.read_bytes()[:-9])
        self.check_miss(entry_file)

    @pytest.mark.parametrize("kind", ["folder", "link to nowhere", "pipe"])
    def test_lock_unavailable(self, tmp_path: Path, kind: str) -> None:
        lock = tmp_path / "edgecache.cloudflare-x.lock"
        if kind == "folder":
            lock.mkdir()
        elif kind == "pipe":
            os.mkfifo(lock)
        else:
            lock.symlink_to(tmp_path / "no" / "where")
        with RunCache("x", 300.0).lock():
            store_entry(create_snapshot(address(1)))
        assert load_entry() != EMPTY_ENTRY

    def test_lock_is_released(self) -> None:
        for dummy in range(3):
            with pytest.raises(ZeroDivisionError), RunCache("x", 300.0).lock():
                raise ZeroDivisionError


class TestProcesses:
    """Concurrent lookups in the forks of a run."""

    FORKS = 8

    @pytest.fixture
    def requested(self, zone: FakeZone, tmp_path_factory: pytest.TempPathFactory) -> t.Callable[[], list[str]]:
        """The requests of all processes together. Each answer is delayed, so that all processes wait."""
        log = tmp_path_factory.mktemp("log") / "asked"
        log.touch()

        def before(requested: t.Any) -> None:
            with log.open("a", encoding="utf-8") as entry_file:
                entry_file.write(f"{requested}\n")
            time.sleep(0.01)

        zone.before = before
        return lambda: log.read_text(encoding="utf-8").split()

    @pytest.fixture
    def run_in_forks(self) -> t.Callable[[t.Callable[[int], t.Any]], list[t.Any]]:
        """Call a function in all forks at the same time, and return the results by number."""
        context = multiprocessing.get_context("fork")

        def run_in_forks(call: t.Callable[[int], t.Any]) -> list[t.Any]:
            together, results = context.Barrier(self.FORKS), context.SimpleQueue()

            def target(number: int) -> None:
                together.wait(30)
                try:
                    results.put((number, call(number)))
                except Exception as error:
                    results.put((number, repr(error)))

            forks = [context.Process(target=target, args=(number,)) for number in range(self.FORKS)]
            for fork in forks:
                fork.start()
            found = dict(results.get() for dummy in forks)
            for fork in forks:
                fork.join(30)
            return [found[number] for number in range(self.FORKS)]

        return run_in_forks

    def test_same_address_costs_1_request(
        self,
        look_up: Lookup,
        zone: FakeZone,
        requested: t.Callable[[], list[str]],
        run_in_forks: t.Callable[..., list[t.Any]],
    ) -> None:
        zone.items = mappings(60)
        assert run_in_forks(lambda number: look_up(address(1))) == [[mapping(address(1))]] * self.FORKS
        assert requested() == [address(1)]

    def test_complete_zone_costs_its_pages(
        self,
        look_up: Lookup,
        zone: FakeZone,
        requested: t.Callable[[], list[str]],
        run_in_forks: t.Callable[..., list[t.Any]],
    ) -> None:
        zone.items = mappings(250)
        assert run_in_forks(lambda number: look_up()) == [mappings(250)] * self.FORKS
        assert sorted(requested()) == ["1", "2", "3"]

    def test_60_addresses_of_60_cost_2(
        self,
        look_up: Lookup,
        zone: FakeZone,
        requested: t.Callable[[], list[str]],
        run_in_forks: t.Callable[..., list[t.Any]],
    ) -> None:
        zone.items = mappings(60)
        found = run_in_forks(lambda number: [look_up(address(one))[0] for one in range(number, 60, self.FORKS)])
        assert found == [mappings(60)[number :: self.FORKS] for number in range(self.FORKS)]
        assert len(requested()) == 2

    def test_200_addresses_of_3500_cost_at_most_70(
        self,
        look_up: Lookup,
        zone: FakeZone,
        requested: t.Callable[[], list[str]],
        run_in_forks: t.Callable[..., list[t.Any]],
    ) -> None:
        zone.items = mappings(3_500)
        found = run_in_forks(lambda number: [look_up(address(17 * one))[0] for one in range(number, 200, self.FORKS)])
        assert found == [mappings(3_500)[:3_400:17][number :: self.FORKS] for number in range(self.FORKS)]
        assert len(requested()) <= 70

    def test_write_costs_1_more_request(
        self,
        look_up: Lookup,
        zone: FakeZone,
        requested: t.Callable[[], list[str]],
        run_in_forks: t.Callable[..., list[t.Any]],
    ) -> None:
        zone.items = mappings(60)
        look_up(address(1))
        invalidate()
        run_in_forks(lambda number: look_up(address(1)))
        assert requested() == [address(1)] * 2

    def test_no_folder_costs_1_request_each(
        self,
        look_up: Lookup,
        zone: FakeZone,
        requested: t.Callable[[], list[str]],
        run_in_forks: t.Callable[..., list[t.Any]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", "/no/where")
        zone.items = mappings(60)
        assert run_in_forks(lambda number: look_up(address(1))) == [[mapping(address(1))]] * self.FORKS
        assert len(requested()) == self.FORKS


class TestAction:
    """The action plugins of the modules that write mappings."""

    @pytest.fixture(params=["origin_cloud_region", "origin_cloud_regions"])
    def create_action(self, request: pytest.FixtureRequest) -> t.Callable[..., t.Any]:
        def create_action(async_val: int = 0, check_mode: bool = False) -> t.Any:
            name = f"edgecache.cloudflare.{request.param}"
            task = types.SimpleNamespace(
                action=name, async_val=async_val, check_mode=check_mode, environment=[], args={}
            )
            return action_loader.get(
                name,
                task=task,
                connection=types.SimpleNamespace(),
                play_context=types.SimpleNamespace(),
                loader=None,
                templar=None,
                shared_loader_obj=None,
            )

        return create_action

    @pytest.fixture
    def module_runs(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[t.Any, ...]]:
        """The runs of the module. Each run stores an entry that was read before the write."""
        calls: list[tuple[t.Any, ...]] = []

        def run(plugin: t.Any, tmp: t.Any = None, task_vars: t.Any = None) -> dict[str, t.Any]:
            calls.append((plugin._task.action, tmp, task_vars))
            store_entry(create_snapshot(address(1)))
            return {"changed": True, "failed": len(calls) > 1}

        monkeypatch.setattr(NormalAction, "run", run)
        return calls

    def test_exists_for_each_module_that_writes_mappings(self) -> None:
        names = {path.stem for path in (ROOT / "plugins" / "action").glob("*.py")} - {"__init__"}
        assert names == {"origin_cloud_region", "origin_cloud_regions"}
        assert names <= {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}

    def test_supports_what_the_normal_action_supports(self, create_action: t.Callable[..., t.Any]) -> None:
        plugin = create_action()
        assert isinstance(plugin, NormalAction)
        assert plugin._supports_check_mode and plugin._supports_async
        assert plugin.TRANSFERS_FILES is NormalAction.TRANSFERS_FILES

    def test_runs_the_module_then_invalidates(
        self, create_action: t.Callable[..., t.Any], module_runs: list[tuple[t.Any, ...]]
    ) -> None:
        plugin = create_action()
        for failed in (False, True):
            store_entry(create_snapshot(address(1)))
            assert plugin.run(task_vars={"a": 1}) == {"changed": True, "failed": failed}
            assert load_entry() == EMPTY_ENTRY
        assert module_runs == [(plugin._task.action, None, {"a": 1})] * 2

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_invalidates_after_an_error(
        self, create_action: t.Callable[..., t.Any], monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
    ) -> None:
        def run(*args: t.Any, **options: t.Any) -> t.Any:
            raise error

        monkeypatch.setattr(NormalAction, "run", run)
        store_entry(create_snapshot(address(1)))
        with pytest.raises(error):
            create_action().run()
        assert load_entry() == EMPTY_ENTRY
        # The module may still run, for example after a timeout
        store_entry(create_snapshot(address(1)))
        assert load_entry() == EMPTY_ENTRY

    def test_check_mode_does_not_invalidate(
        self, create_action: t.Callable[..., t.Any], module_runs: list[tuple[t.Any, ...]]
    ) -> None:
        create_action(check_mode=True).run()
        assert load_entry() != EMPTY_ENTRY

    def test_failed_invalidation_warns(
        self,
        create_action: t.Callable[..., t.Any],
        module_runs: list[tuple[t.Any, ...]],
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / "edgecache.cloudflare-uncertain").mkdir()
        assert create_action(async_val=60).run()["changed"]
        assert "Lookups of this run may return data from before this task" in " ".join(capsys.readouterr().err.split())

    def test_no_temporary_folder(
        self,
        create_action: t.Callable[..., t.Any],
        module_runs: list[tuple[t.Any, ...]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", "/no/where")
        assert create_action().run() == {"changed": True, "failed": False}

    def test_async_module_disables_the_cache(
        self, create_action: t.Callable[..., t.Any], module_runs: list[tuple[t.Any, ...]]
    ) -> None:
        """With ``async``, the module may write after the plugin ends, so later reads cannot be cached."""
        create_action(async_val=60).run()
        store_entry(create_snapshot(address(1)))
        assert load_entry() == EMPTY_ENTRY
