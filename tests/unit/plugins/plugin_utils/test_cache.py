# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run keeps: for its time, until a write, in files that may be anything; shared by its processes."""

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
    Zone,
    address,
    mapping,
    mappings,
    typed_mapping,
)

LookUp = t.Callable[..., list[t.Any]]

ROOT = Path(__file__).resolve().parents[4]


class Monotonic:
    """The clock of all processes, which goes on as the test says."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    own = Monotonic()
    monkeypatch.setattr(_cache, "time", own)
    return own


@pytest.fixture
def other_process(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[], None]:
    """From now on, this process remembers as little as one that has just begun."""
    return lambda: monkeypatch.setattr(_cache, "_entries", {})


def snapshot_of(*addresses: str, complete: bool = False) -> ZoneSnapshot:
    snapshot = ZoneSnapshot()
    snapshot.zone_id, snapshot.page_count, snapshot.request_count, snapshot.complete = ZONE_ID, 3, 2, complete
    snapshot.mappings = {one: typed_mapping(one) for one in addresses}
    return snapshot


def store(snapshot: ZoneSnapshot, ttl: float = 300.0) -> None:
    cache = RunCache("x", ttl)
    cache.load()
    cache.store(snapshot)


def stored(ttl: float = 300.0) -> dict[str, t.Any]:
    """All but the zone id, which does not grow old."""
    return {**vars(RunCache("x", ttl).load()), "zone_id": ""}


@contextlib.contextmanager
def room_for(size: int) -> t.Iterator[None]:
    """The disk takes so many bytes of each file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


NOTHING = vars(ZoneSnapshot())


class TestEntry:
    @pytest.mark.parametrize("complete", [False, True])
    @pytest.mark.parametrize("addresses", [[], [address(1)], [address(number) for number in range(3_500)]], ids=len)
    def test_all_that_is_known(self, other_process: t.Callable[[], None], addresses: list[str], complete: bool) -> None:
        snapshot = snapshot_of(*addresses, complete=complete)
        snapshot.mappings["192.0.2.1"] = None
        snapshot.mappings["192.0.2.2"] = typed_mapping("192.0.2.2")._replace(modified_on=None, region="ü\ud800\x00")
        store(snapshot)
        for dummy in range(2):
            assert stored() == {**vars(snapshot), "zone_id": ""}
            assert RunCache("x", 0.0).load().zone_id == ZONE_ID
            assert list(stored()["mappings"]) == list(snapshot.mappings)
            other_process()

    def test_nothing_before_the_first(self) -> None:
        assert stored() == NOTHING

    def test_each_name_has_its_own(self) -> None:
        store(snapshot_of(address(1)))
        assert vars(RunCache("y", 300.0).load()) == NOTHING

    def test_what_is_done_with_it_changes_nothing(self) -> None:
        store(snapshot_of(address(1)))
        for dummy in range(2):
            snapshot = RunCache("x", 300.0).load()
            assert list(snapshot.mappings) == [address(1)]
            snapshot.mappings[address(2)] = None
            snapshot.complete = True

    def test_files_are_private(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            store(snapshot_of(address(1)))
            RunCache("x", 300.0).record_failure("no", 330.0)
            disable_for_run()
            with RunCache("x", 300.0).lock():
                names = {"x", "x.lock", "x.failed", "uncertain"}
        finally:
            os.umask(before)
        modes = {file.name: stat.S_IMODE(file.lstat().st_mode) for file in tmp_path.iterdir()}
        assert modes == {f"edgecache.cloudflare-{name}": 0o600 for name in names}

    @pytest.mark.parametrize("folder", ["missing", "a file/folder"])
    def test_folder_that_cannot_be_written_to(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
    ) -> None:
        (tmp_path / "a file").touch()
        monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path / folder))
        with RunCache("x", 300.0).lock():
            store(snapshot_of(address(1)))
        assert stored() == NOTHING
        invalidate()

    def test_full_disk_leaves_the_entry_before(self, other_process: t.Callable[[], None]) -> None:
        store(snapshot_of(address(1)))
        before = stored()
        with room_for(100):
            store(snapshot_of(address(1), address(2)))
        other_process()
        assert stored() == before

    def test_write_on_a_full_disk_is_not_missed(self) -> None:
        """Nothing can be noted down, yet what is known is from before."""
        store(snapshot_of(address(1)))
        with room_for(0):
            invalidate()
        assert stored() == NOTHING


class TestAge:
    @pytest.mark.parametrize(
        ("ttl", "seconds", "there"),
        [
            (300.0, 0.0, True),
            (300.0, 299.9, True),
            (300.0, 300.0, False),
            (300.0, 1e9, False),
            (0.5, 0.4, True),
            (0.5, 0.5, False),
            (0.0, 0.0, False),
            (0.0, -1.0, False),
            # no clock that this is
            (300.0, -0.1, False),
            (300.0, -1e9, False),
        ],
    )
    def test_for_its_time(self, wall: Monotonic, ttl: float, seconds: float, there: bool) -> None:
        store(snapshot_of(address(1)))
        wall.now += seconds
        assert (stored(ttl) != NOTHING) is there

    def test_is_that_of_the_oldest_part(self, wall: Monotonic) -> None:
        store(snapshot_of(address(1)))
        wall.now += 200.0
        cache = RunCache("x", 300.0)
        snapshot = cache.load()
        snapshot.mappings[address(2)] = typed_mapping(address(2))
        cache.store(snapshot)
        wall.now += 99.0
        assert len(stored()["mappings"]) == 2
        wall.now += 1.0
        assert stored() == NOTHING

    def test_counts_from_before_it_was_read(self, wall: Monotonic) -> None:
        cache = RunCache("x", 300.0)
        cache.load()
        wall.now += 100.0  # as long as the requests took
        cache.store(snapshot_of(address(1)))
        wall.now += 200.0
        assert stored() == NOTHING


class TestInvalidate:
    def test_what_is_known(self) -> None:
        store(snapshot_of(address(1), complete=True))
        invalidate()
        assert stored() == NOTHING
        store(snapshot_of(address(2)))
        assert list(stored()["mappings"]) == [address(2)]

    def test_of_all_names(self) -> None:
        store(snapshot_of(address(1)))
        other = RunCache("y", 300.0)
        other.load()
        other.store(snapshot_of(address(1)))
        invalidate()
        assert {**vars(RunCache("y", 300.0).load()), "zone_id": ""} == stored() == NOTHING

    def test_while_it_is_read(self, other_process: t.Callable[[], None]) -> None:
        cache = RunCache("x", 300.0)
        cache.load()
        invalidate()
        cache.store(snapshot_of(address(1)))
        assert stored() == NOTHING

    def test_while_more_of_it_is_read(self) -> None:
        store(snapshot_of(address(1)))
        cache = RunCache("x", 300.0)
        snapshot = cache.load()
        invalidate()
        cache.store(snapshot)
        assert stored() == NOTHING

    def test_every_time(self) -> None:
        for number in range(5):
            store(snapshot_of(address(number)))
            assert list(stored()["mappings"]) == [address(number)]
            invalidate()
            assert stored() == NOTHING

    @pytest.mark.parametrize("first", [invalidate, disable_for_run])
    def test_for_good(self, first: t.Callable[[], None]) -> None:
        store(snapshot_of(address(1)))
        first()
        disable_for_run()
        for dummy in range(2):
            invalidate()
            assert not RunCache("x", 300.0).is_usable
            store(snapshot_of(address(2)))
            assert stored() == NOTHING
        assert RunCache("x", 300.0).load().zone_id == ZONE_ID

    def test_for_good_on_a_full_disk_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Then at least what is known is from before."""
        store(snapshot_of(address(1)))
        (tmp_path / "edgecache.cloudflare-uncertain").mkdir()
        with pytest.raises(OSError, match="edgecache.cloudflare-uncertain"):
            disable_for_run()
        assert stored() == NOTHING

    @pytest.mark.parametrize("kind", ["file", "folder", "pipe"])
    def test_generation_that_is_none(self, tmp_path: Path, kind: str) -> None:
        store(snapshot_of(address(1)))
        generation = tmp_path / "edgecache.cloudflare-generation"
        text = os.readlink(generation)
        generation.unlink()
        {"file": generation.touch, "folder": generation.mkdir, "pipe": lambda: os.mkfifo(generation)}[kind]()
        assert not RunCache("x", 300.0).is_usable
        assert stored() == NOTHING
        assert len(text) == 32


class TestFile:
    """A file that is not as it should be is as good as none."""

    @pytest.fixture
    def file(self, tmp_path: Path, other_process: t.Callable[[], None]) -> Path:
        store(snapshot_of(address(1)))
        other_process()
        return tmp_path / "edgecache.cloudflare-x"

    def test_sound(self, file: Path) -> None:
        assert stored() == {**vars(snapshot_of(address(1))), "zone_id": ""}

    @staticmethod
    def missed(file: Path) -> None:
        """Nothing is known, and what is read then is."""
        assert stored() == NOTHING
        store(snapshot_of(address(2)))
        if not file.is_dir():
            assert list(stored()["mappings"]) == [address(2)]
            assert file.is_file() and not file.is_symlink()

    @pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
    def test_half_written(self, file: Path, part: float) -> None:
        whole = file.read_bytes()
        file.write_bytes(whole[: int(len(whole) * part)])
        self.missed(file)

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
    def test_broken(self, file: Path, content: bytes) -> None:
        file.write_bytes(content)
        self.missed(file)

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
    def test_of_another_shape(self, file: Path, change: dict[str, t.Any]) -> None:
        entry = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({**entry, **change}), encoding="utf-8")
        self.missed(file)

    @pytest.mark.parametrize(
        "key", ["read_at", "generation", "zone_id", "page_count", "request_count", "complete", "mappings"]
    )
    def test_with_something_missing(self, file: Path, key: str) -> None:
        entry = json.loads(file.read_text(encoding="utf-8"))
        del entry[key]
        file.write_text(json.dumps(entry), encoding="utf-8")
        self.missed(file)

    def test_folder(self, file: Path) -> None:
        file.unlink()
        file.mkdir()
        self.missed(file)

    @pytest.mark.parametrize("remembered", [False, True])
    def test_gone(self, file: Path, remembered: bool) -> None:
        if remembered:
            stored()
        file.unlink()
        self.missed(file)

    def test_broken_after_it_was_read(self, file: Path) -> None:
        assert stored() != NOTHING
        file.write_bytes(file.read_bytes()[:-9])
        self.missed(file)

    @pytest.mark.parametrize("kind", ["folder", "link to nowhere", "pipe"])
    def test_lock_that_cannot_be_had(self, tmp_path: Path, kind: str) -> None:
        lock = tmp_path / "edgecache.cloudflare-x.lock"
        if kind == "folder":
            lock.mkdir()
        elif kind == "pipe":
            os.mkfifo(lock)
        else:
            lock.symlink_to(tmp_path / "no" / "where")
        with RunCache("x", 300.0).lock():
            store(snapshot_of(address(1)))
        assert stored() != NOTHING

    def test_lock_is_given_back(self) -> None:
        for dummy in range(3):
            with pytest.raises(ZeroDivisionError), RunCache("x", 300.0).lock():
                raise ZeroDivisionError


class TestProcesses:
    """The forks of a run, each of which looks something up."""

    FORKS = 8

    @pytest.fixture
    def asked(self, zone: Zone, tmp_path_factory: pytest.TempPathFactory) -> t.Callable[[], list[str]]:
        """What the zone was asked by all processes together. Each answer takes as long as they need to come along."""
        log = tmp_path_factory.mktemp("log") / "asked"
        log.touch()

        def before(asked: t.Any) -> None:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{asked}\n")
            time.sleep(0.01)

        zone.before = before
        return lambda: log.read_text(encoding="utf-8").split()

    @pytest.fixture
    def side_by_side(self) -> t.Callable[[t.Callable[[int], t.Any]], list[t.Any]]:
        """What this gives in each of the forks, which begin together, by their number."""
        context = multiprocessing.get_context("fork")

        def side_by_side(call: t.Callable[[int], t.Any]) -> list[t.Any]:
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

        return side_by_side

    def test_same_question_costs_one_request(
        self, look_up: LookUp, zone: Zone, asked: t.Callable[[], list[str]], side_by_side: t.Callable[..., list[t.Any]]
    ) -> None:
        zone.items = mappings(60)
        assert side_by_side(lambda number: look_up(address(1))) == [[mapping(address(1))]] * self.FORKS
        assert asked() == [address(1)]

    def test_whole_zone_costs_its_pages(
        self, look_up: LookUp, zone: Zone, asked: t.Callable[[], list[str]], side_by_side: t.Callable[..., list[t.Any]]
    ) -> None:
        zone.items = mappings(250)
        assert side_by_side(lambda number: look_up()) == [mappings(250)] * self.FORKS
        assert sorted(asked()) == ["1", "2", "3"]

    def test_60_addresses_of_60_cost_two(
        self, look_up: LookUp, zone: Zone, asked: t.Callable[[], list[str]], side_by_side: t.Callable[..., list[t.Any]]
    ) -> None:
        zone.items = mappings(60)
        found = side_by_side(lambda number: [look_up(address(one))[0] for one in range(number, 60, self.FORKS)])
        assert found == [mappings(60)[number :: self.FORKS] for number in range(self.FORKS)]
        assert len(asked()) == 2

    def test_200_addresses_of_3500_cost_at_most_70(
        self, look_up: LookUp, zone: Zone, asked: t.Callable[[], list[str]], side_by_side: t.Callable[..., list[t.Any]]
    ) -> None:
        zone.items = mappings(3_500)
        found = side_by_side(lambda number: [look_up(address(17 * one))[0] for one in range(number, 200, self.FORKS)])
        assert found == [mappings(3_500)[:3_400:17][number :: self.FORKS] for number in range(self.FORKS)]
        assert len(asked()) <= 70

    def test_after_a_write_it_is_read_once_more(
        self, look_up: LookUp, zone: Zone, asked: t.Callable[[], list[str]], side_by_side: t.Callable[..., list[t.Any]]
    ) -> None:
        zone.items = mappings(60)
        look_up(address(1))
        invalidate()
        side_by_side(lambda number: look_up(address(1)))
        assert asked() == [address(1)] * 2

    def test_read_by_each_where_nothing_can_be_kept(
        self,
        look_up: LookUp,
        zone: Zone,
        asked: t.Callable[[], list[str]],
        side_by_side: t.Callable[..., list[t.Any]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", "/no/where")
        zone.items = mappings(60)
        assert side_by_side(lambda number: look_up(address(1))) == [[mapping(address(1))]] * self.FORKS
        assert len(asked()) == self.FORKS


class TestAction:
    """The action plugins of the modules that write."""

    @pytest.fixture(params=["origin_cloud_region", "origin_cloud_regions"])
    def make(self, request: pytest.FixtureRequest) -> t.Callable[..., t.Any]:
        def make(async_val: int = 0, check_mode: bool = False) -> t.Any:
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

        return make

    @pytest.fixture
    def ran(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[t.Any, ...]]:
        """How the module was run, after which it is known what was read before."""
        calls: list[tuple[t.Any, ...]] = []

        def run(plugin: t.Any, tmp: t.Any = None, task_vars: t.Any = None) -> dict[str, t.Any]:
            calls.append((plugin._task.action, tmp, task_vars))
            store(snapshot_of(address(1)))
            return {"changed": True, "failed": len(calls) > 1}

        monkeypatch.setattr(NormalAction, "run", run)
        return calls

    def test_every_module_that_writes_mappings_has_one(self) -> None:
        names = {path.stem for path in (ROOT / "plugins" / "action").glob("*.py")} - {"__init__"}
        assert names == {"origin_cloud_region", "origin_cloud_regions"}
        assert names <= {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}

    def test_is_as_ansibles_own(self, make: t.Callable[..., t.Any]) -> None:
        plugin = make()
        assert isinstance(plugin, NormalAction)
        assert plugin._supports_check_mode and plugin._supports_async
        assert plugin.TRANSFERS_FILES is NormalAction.TRANSFERS_FILES

    def test_runs_the_module_and_forgets(self, make: t.Callable[..., t.Any], ran: list[tuple[t.Any, ...]]) -> None:
        plugin = make()
        for failed in (False, True):
            store(snapshot_of(address(1)))
            assert plugin.run(task_vars={"a": 1}) == {"changed": True, "failed": failed}
            assert stored() == NOTHING
        assert ran == [(plugin._task.action, None, {"a": 1})] * 2

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_forgets_in_spite_of_an_error(
        self, make: t.Callable[..., t.Any], monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
    ) -> None:
        def run(*args: t.Any, **options: t.Any) -> t.Any:
            raise error

        monkeypatch.setattr(NormalAction, "run", run)
        store(snapshot_of(address(1)))
        with pytest.raises(error):
            make().run()
        assert stored() == NOTHING
        # The module may go on: after a time-out, say
        store(snapshot_of(address(1)))
        assert stored() == NOTHING

    def test_check_mode_is_no_write(self, make: t.Callable[..., t.Any], ran: list[tuple[t.Any, ...]]) -> None:
        make(check_mode=True).run()
        assert stored() != NOTHING

    def test_what_cannot_be_noted_is_told(
        self,
        make: t.Callable[..., t.Any],
        ran: list[tuple[t.Any, ...]],
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / "edgecache.cloudflare-uncertain").mkdir()
        assert make(async_val=60).run()["changed"]
        assert "Lookups of this run may return data from before this task" in " ".join(capsys.readouterr().err.split())

    def test_without_a_folder_to_write_to(
        self, make: t.Callable[..., t.Any], ran: list[tuple[t.Any, ...]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", "/no/where")
        assert make().run() == {"changed": True, "failed": False}

    def test_module_that_goes_on_after_it_is_not_missed(
        self, make: t.Callable[..., t.Any], ran: list[tuple[t.Any, ...]]
    ) -> None:
        """With ``async``, it has only begun when the plugin ends: what is read from then on may be from before it wrote."""
        make(async_val=60).run()
        store(snapshot_of(address(1)))
        assert stored() == NOTHING
