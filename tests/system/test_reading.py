# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Concurrent reads of pages over real HTTP: concurrency, pace, concurrent writes, errors and interrupts.

A page has ten mappings here, so that a zone of 35 pages is quickly filled and read.
"""

from __future__ import annotations

import contextlib
import gc
import re
import signal
import subprocess
import threading
import time
import typing as t
from pathlib import Path

import pytest
import requests
import yaml
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api import client as _client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import (
    MAX_CONNECTIONS,
    Client,
    Credential,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import OriginCloudRegions
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError, PermissionDeniedError
from requests.adapters import HTTPAdapter

from tests.simulator.api_client import ApiClient
from tests.simulator.testing import RunningSimulator
from tests.system.fake_clock import FakeClock, expire_timeouts_at_once
from tests.system.playbooks import Ansible

pytestmark = pytest.mark.usefixtures("time_limit")

LONG_SECONDS = 600
"""Longer than any test."""

LIST = "origin-cloud-regions-v2-list"
PAGE_SIZE = 10
ZONE_SIZE = 350
PAGES = 35
REJECTION = {"kind": "status", "status": 403}

BeforeRequest = t.Callable[[int], object]


class HookedAdapter(HTTPAdapter):
    """Calls a function with the page number before each request."""

    def __init__(self, before: BeforeRequest) -> None:
        super().__init__()
        self.before = before

    def send(self, request: requests.PreparedRequest, *arguments: t.Any, **options: t.Any) -> requests.Response:
        found = re.search(r"[?&]page=(\d+)", request.url or "")
        self.before(int(found[1]) if found else 0)
        return super().send(request, *arguments, **options)


class Reader:
    """Reads the zone, and records the messages of the client."""

    def __init__(self, simulator: RunningSimulator) -> None:
        self.simulator = simulator
        self.messages: list[str] = []
        self.on_message: t.Callable[[], object] = lambda: None

    def record_message(self, text: str) -> None:
        self.messages.append(text)
        self.on_message()

    def read(self, before: BeforeRequest = lambda page: None, **options: t.Any) -> list[str]:
        """Return the addresses of all mappings in the order of the result."""
        session = requests.Session()
        session.mount("http://", HookedAdapter(before))
        credential = Credential.from_token(self.simulator.token)
        with Client(
            credential, self.simulator.url, session=session, before_sleep=self.record_message, **options
        ) as client:
            mappings = OriginCloudRegions(client, self.simulator.zone_id).list_all()
        return [mapping.origin_ip for mapping in mappings]


class FirstRequestHook:
    """Calls a function before any request for this page or a later one."""

    def __init__(self, page: int, action: t.Callable[[], object]) -> None:
        self._page = page
        self._action = action
        self._is_called = False
        self._lock = threading.Lock()

    def __call__(self, page: int) -> None:
        with self._lock:
            if page >= self._page and not self._is_called:
                self._is_called = True
                self._action()


@pytest.fixture(scope="module", autouse=True)
def _frozen_garbage() -> t.Iterator[None]:
    """Freeze existing objects, so that garbage collection takes less time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _no_leaks(simulator: RunningSimulator) -> t.Iterator[None]:
    simulator.clear_faults()  # opens the connection of the control API, which stays
    threads = threading.enumerate()
    before = open_sockets()
    yield
    assert threading.enumerate() == threads
    gc.collect()  # requests has reference cycles
    assert open_sockets() <= before


def open_sockets() -> set[str]:
    """Return the open sockets of this process."""
    links = set()
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            links.add(str(path.readlink()))
    return {link for link in links if link.startswith("socket:")}


def fill_zone(simulator: RunningSimulator, count: int) -> None:
    simulator.reset({"zones": [{"id": simulator.zone_id, "name": "example.com", "tiered_cache": "on", "fill": count}]})


@pytest.fixture
def reader(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setattr(_client, "PAGE_SIZE", PAGE_SIZE)
    fill_zone(simulator, ZONE_SIZE)
    return Reader(simulator)


def address(number: int) -> str:
    return f"2001:db8:f::{number:x}"


ALL_ADDRESSES = [address(number) for number in range(1, ZONE_SIZE + 1)]


def checked_stats(simulator: RunningSimulator) -> dict[str, t.Any]:
    stats = simulator.stats()
    assert stats["contract_violations"] == []
    return stats


def requested_pages(simulator: RunningSimulator) -> list[int]:
    """Return the requested page numbers in order."""
    log = checked_stats(simulator)["log"]
    return [int(request["query"]["page"]) for request in log if request["operation"] == LIST]


def wait_for(condition: t.Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


# Order and concurrency


@pytest.mark.parametrize("count", [0, 1, 10, 11, 20, 21, 91, ZONE_SIZE])
def test_order_and_page_count(reader: Reader, count: int) -> None:
    fill_zone(reader.simulator, count)
    assert reader.read() == ALL_ADDRESSES[:count]
    pages = requested_pages(reader.simulator)
    assert pages[0] == 1 and sorted(pages) == list(range(1, max(1, -(-count // PAGE_SIZE)) + 1))
    assert checked_stats(reader.simulator)["connections"] <= MAX_CONNECTIONS == 8
    assert reader.messages == []


def test_full_zone(simulator: RunningSimulator) -> None:
    """With pages of their real size."""
    fill_zone(simulator, 3_500)
    assert Reader(simulator).read() == [address(number) for number in range(1, 3_501)]
    assert sorted(requested_pages(simulator)) == list(range(1, PAGES + 1))


def test_order_with_a_late_answer(reader: Reader) -> None:
    """The answer to the second page comes last."""
    others = threading.Semaphore(0)

    def before(page: int) -> None:
        if page == 2:
            wait_for(lambda: len(requested_pages(reader.simulator)) == PAGES - 1)
            others.release()

    assert reader.read(before) == ALL_ADDRESSES
    assert requested_pages(reader.simulator)[-1] == 2 and others.acquire(blocking=False)


def test_concurrency_limit(reader: Reader) -> None:
    """The server delays the pages after the first one, so that the concurrent requests can be counted."""
    reader.simulator.fault(kind="latency", seconds=LONG_SECONDS, operation=LIST, after=1, times=None)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(reader.read(timeout=LONG_SECONDS)))
    thread.start()
    try:
        wait_for(lambda: len(requested_pages(reader.simulator)) > MAX_CONNECTIONS)
        time.sleep(0.1)
        assert len(requested_pages(reader.simulator)) == 1 + MAX_CONNECTIONS
        assert checked_stats(reader.simulator)["connections"] <= MAX_CONNECTIONS
    finally:
        reader.simulator.clear_faults()
        thread.join()
    assert found == ALL_ADDRESSES
    assert len(requested_pages(reader.simulator)) == PAGES


# Pauses


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_short_rate_limit(reader: Reader, clock: FakeClock) -> None:
    """One page in the middle gets a 429. All requests wait once."""
    sent: list[int] = []
    during: list[int] = []

    def sleep(seconds: float) -> None:
        # Requests that started before the pause
        start = len(sent)
        time.sleep(0.1)
        during.append(len(sent) - start)
        clock.sleep(seconds)

    reader.simulator.fault(kind="status", status=429, headers={"Retry-After": "1"}, operation=LIST, after=12)
    assert reader.read(sent.append, clock=clock.time, sleep=sleep) == ALL_ADDRESSES
    assert clock.pauses == [1]
    assert during[0] <= MAX_CONNECTIONS - 1
    assert len(reader.messages) == 1
    assert reader.messages[0].startswith("Retrying in 1.0 seconds (waited 0.0 of at most 330): Rate limit exceeded")
    assert len(requested_pages(reader.simulator)) == PAGES + 1


def test_rate_limit_for_all_requests(reader: Reader, clock: FakeClock) -> None:
    """All requests get a 429 until the time is over, as with the API."""

    def sleep(seconds: float) -> None:
        # Concurrent requests get a 429, too
        time.sleep(0.1)
        count = len(requested_pages(reader.simulator))
        assert count <= 10 + MAX_CONNECTIONS
        reader.simulator.clear_faults()
        clock.sleep(seconds)

    reader.simulator.fault(
        kind="status", status=429, headers={"Retry-After": "300"}, operation=LIST, after=10, times=None
    )
    assert reader.read(clock=clock.time, sleep=sleep) == ALL_ADDRESSES
    assert clock.pauses == [300]
    assert len(reader.messages) == 1
    assert PAGES < len(requested_pages(reader.simulator)) <= PAGES + MAX_CONNECTIONS


def test_few_requests_left(reader: Reader, clock: FakeClock) -> None:
    """The last requests are spread over the rest of the window."""
    headers = {"Ratelimit": '"default";r=5;t=30', "Ratelimit-Policy": '"default";q=1200;w=300'}
    reader.simulator.fault(kind="latency", headers=headers, operation=LIST)
    assert reader.read(clock=clock.time, sleep=clock.sleep) == ALL_ADDRESSES
    assert len(requested_pages(reader.simulator)) == PAGES
    assert clock.pauses == [5] * 6
    assert reader.messages == [
        "Waiting 5.0 seconds before each request: the rate limit allows only 5 more in the next 30.0 seconds"
    ]


def test_no_requests_left(reader: Reader, clock: FakeClock) -> None:
    """No request is sent before the window ends."""
    headers = {"Ratelimit": '"default";r=0;t=200'}
    reader.simulator.fault(kind="latency", headers=headers, operation=LIST)
    assert reader.read(clock=clock.time, sleep=clock.sleep) == ALL_ADDRESSES
    assert clock.pauses == [200]
    assert len(requested_pages(reader.simulator)) == PAGES


@pytest.mark.parametrize(("header", "max_wait"), [('"default";r=0;t=200', 0), ('"default";r=1100;t=200', 330)])
def test_no_slowdown(reader: Reader, clock: FakeClock, header: str, max_wait: float) -> None:
    reader.simulator.fault(kind="latency", headers={"Ratelimit": header}, operation=LIST, times=None)
    assert reader.read(clock=clock.time, sleep=clock.sleep, max_wait=max_wait) == ALL_ADDRESSES
    assert clock.pauses == reader.messages == []


def test_429_with_both_headers(reader: Reader, clock: FakeClock) -> None:
    """Both headers have the same time, so one pause is enough."""
    headers = {"Ratelimit": '"default";r=0;t=60', "Retry-After": "60"}
    reader.simulator.fault(kind="status", status=429, headers=headers, operation=LIST)
    assert reader.read(clock=clock.time, sleep=clock.sleep) == ALL_ADDRESSES
    assert clock.pauses == [60]
    assert len(requested_pages(reader.simulator)) == PAGES + 1


# Concurrent writes


def test_concurrent_creation(reader: Reader) -> None:
    fill_zone(reader.simulator, 95)
    with ApiClient(reader.simulator) as api:
        found = reader.read(FirstRequestHook(2, lambda: add_mapping(api, "192.0.2.1")))
    assert found == [*ALL_ADDRESSES[:95], "192.0.2.1"]
    assert len(requested_pages(reader.simulator)) == 20


def test_concurrent_deletion(reader: Reader) -> None:
    fill_zone(reader.simulator, 95)
    with ApiClient(reader.simulator) as api:
        found = reader.read(FirstRequestHook(2, lambda: remove_mapping(api, address(1))))
    assert found == ALL_ADDRESSES[1:95]
    assert len(requested_pages(reader.simulator)) == 20


def test_concurrent_exchange(reader: Reader) -> None:
    """The exchange is between the first page and the others. All totals are equal, but the new mapping shows the inconsistency."""
    fill_zone(reader.simulator, 95)

    def exchange() -> None:
        remove_mapping(api, address(1))
        add_mapping(api, "192.0.2.1")

    with ApiClient(reader.simulator) as api:
        found = reader.read(FirstRequestHook(2, exchange))
    assert found == [*ALL_ADDRESSES[1:95], "192.0.2.1"]
    assert len(requested_pages(reader.simulator)) == 20


def test_exchange_in_each_read(reader: Reader) -> None:
    """An exchange between the first page and the others in each read."""
    fill_zone(reader.simulator, 35)
    lock = threading.Lock()
    numbers = iter(range(1, 10))
    first = threading.Event()

    def before(page: int) -> None:
        with lock:
            if page == 1:
                first.set()
            elif first.is_set():
                first.clear()
                add_mapping(api, f"192.0.2.{next(numbers)}")

    with (
        ApiClient(reader.simulator) as api,
        pytest.raises(CloudflareError, match="the pages report 37 or 38 mappings") as raised,
    ):
        reader.read(before)
    assert "in each of 3 reads" in str(raised.value)
    assert len(requested_pages(reader.simulator)) == 12


@pytest.mark.parametrize("kind", ["stale_page", "wrong_total"])
def test_one_wrong_page(reader: Reader, kind: str) -> None:
    body = {"total_count": ZONE_SIZE + 1, "total_pages": PAGES} if kind == "wrong_total" else None
    reader.simulator.fault(kind=kind, body=body, after=17)
    assert reader.read() == ALL_ADDRESSES
    assert len(requested_pages(reader.simulator)) == 2 * PAGES


def test_many_concurrent_writers(reader: Reader) -> None:
    """A read ends with an error, or with a list without duplicates that has all mappings that existed all the time."""
    fill_zone(reader.simulator, 100)
    over = threading.Event()

    def write() -> None:
        with ApiClient(reader.simulator) as api:
            number = 0
            while not over.is_set():
                number += 1
                add_mapping(api, f"192.0.2.{number % 250}")
                remove_mapping(api, f"192.0.2.{(number - 100) % 250}")
                time.sleep(0.02)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _attempt in range(5):
            with ignore_inconsistent_pages():
                found = reader.read()
                assert len(found) == len(set(found))
                assert found[:100] == ALL_ADDRESSES[:100]
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def ignore_inconsistent_pages() -> t.Iterator[None]:
    """Ignore the error about a list that always changes."""
    try:
        yield
    except CloudflareError as error:
        if not re.search("the pages report|another client changed the zone", str(error)):
            raise


def add_mapping(api: ApiClient, origin_ip: str) -> None:
    body = {"origin_ip": origin_ip, "vendor": "aws", "region": "us-east-1"}
    assert api.call("PUT", f"{api.mappings}/{origin_ip}", body).status == 200


def remove_mapping(api: ApiClient, origin_ip: str) -> None:
    assert api.call("DELETE", f"{api.mappings}/{origin_ip}").status in (200, 404)


# Errors and interrupts


def check_no_retries(reader: Reader) -> None:
    pages = requested_pages(reader.simulator)
    assert len(pages) == len(set(pages))


def test_error_in_one_page(reader: Reader) -> None:
    reader.simulator.fault(**REJECTION, operation=LIST, after=17)
    with pytest.raises(PermissionDeniedError):
        reader.read()
    check_no_retries(reader)


def test_error_while_others_hang(reader: Reader, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hanging requests end at their timeout, without a retry."""
    expire_timeouts_at_once(monkeypatch, reader.simulator, clock)
    reader.simulator.fault(kind="hang", operation=LIST, after=1, times=MAX_CONNECTIONS - 1)
    reader.simulator.fault(**REJECTION, operation=LIST, after=1)
    with pytest.raises(PermissionDeniedError):
        reader.read(clock=clock.time)
    check_no_retries(reader)


def test_error_during_a_pause(reader: Reader) -> None:
    """The error ends a pause of five minutes. The failing page is requested before the pause, and answered during it."""
    announced = threading.Event()
    started = threading.Event()
    reader.on_message = announced.set

    def before(page: int) -> None:
        if page == 1 + MAX_CONNECTIONS:
            started.set()
            assert announced.wait(LONG_SECONDS)
            reader.simulator.fault(**REJECTION, operation=LIST)
        elif page > 1:
            assert started.wait(LONG_SECONDS)

    reader.simulator.fault(kind="status", status=429, headers={"Retry-After": "300"}, operation=LIST, after=1, times=1)
    with pytest.raises(PermissionDeniedError):
        reader.read(before)
    assert len(reader.messages) == 1


def test_interrupted(reader: Reader) -> None:
    """Ctrl-C, or the timeout of a task, while all requests wait."""

    def interrupt() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    timer = threading.Timer(0.1, interrupt)
    reader.on_message = timer.start
    reader.simulator.fault(kind="status", status=429, headers={"Retry-After": "300"}, operation=LIST, after=4, times=1)
    # A shell that starts the tests in the background ignores SIGINT
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        reader.read()
    timer.join()
    signal.signal(signal.SIGINT, before)
    assert len(reader.messages) == 1


def test_interrupted_run(ansible: Ansible) -> None:
    """A module for one host and a lookup for another, in zones of their own. The pipes are closed only when all processes of the
    run have ended, those too that wait for five minutes."""
    simulator = ansible.simulator
    zones = [simulator.zone_id, simulator.empty_zone_id]
    simulator.reset({"zones": [{"id": zone, "name": f"{zone}.example.com", "fill": 250} for zone in zones]})
    block = {"kind": "status", "status": 429, "headers": {"Retry-After": "300"}, "after": 1, "times": None}
    simulator.fault(*({**block, "zone": zone} for zone in zones))
    name = "edgecache.cloudflare.origin_cloud_region"
    # Another credential, since tasks with the same one wait for each other
    module = {f"{name}_info": {"zone_id": zones[0], "api_email": simulator.email, "api_key": simulator.key}}
    tasks: list[dict[str, t.Any]] = [
        {**module, "when": "inventory_hostname == 'web1.example.com'"},
        {"ansible.builtin.debug": {"msg": f"{{{{ query('{name}', zone_id='{zones[1]}') }}}}"}},
    ]
    play = {"hosts": "web1.example.com,web2.example.com", "strategy": "free", "gather_facts": False, "tasks": tasks}
    (ansible.folder / "playbook.yml").write_text(yaml.safe_dump([play]))

    def all_wait() -> bool:
        log = checked_stats(simulator)["log"]
        blocked = {request["path"].split("/")[4] for request in log if request["status"] == 429}
        return blocked == set(zones) and None not in [request["status"] for request in log]

    with subprocess.Popen(
        ["ansible-playbook", "-i", "inventory", "playbook.yml"],
        cwd=ansible.folder,
        env=ansible.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as run:
        wait_for(all_wait)
        run.send_signal(signal.SIGINT)
        run.communicate()
    assert run.returncode != 0
