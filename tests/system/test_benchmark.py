# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmark does all its jobs, and writes its tables to the page."""

from __future__ import annotations

import contextlib
import re
import sys
import typing as t
from pathlib import Path

import pytest

from benchmarks import __main__
from benchmarks.bench import Bench
from benchmarks.page import TABLE_MARKERS, parse_tables
from tests.simulator.testing import RunningSimulator, running_simulator

PAGE = __main__.PAGE


@pytest.mark.slow
def test_page_is_filled(tmp_path: Path, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with small sizes, but with each kind of command. Fail if a job is not done, or an approach sends no request."""

    @contextlib.contextmanager
    def open_bench(latency: int, *options: str) -> t.Iterator[Bench]:
        folder = tmp_path / str(latency)
        folder.mkdir(exist_ok=True)
        with running_simulator(*options) if options else contextlib.nullcontext(simulator) as used:
            yield Bench(used, latency, folder)

    # One simulator for all latencies, since the test does not check times. A rate limit needs another one
    monkeypatch.setattr(__main__, "open_bench", open_bench)
    page = tmp_path / "performance.md"
    page.write_text(PAGE.read_text())
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--quick", "--page", str(page)])
    __main__.main()
    text = page.read_text()
    assert handwritten_text(text) == handwritten_text(PAGE.read_text())
    rows = re.findall(r"^\| (\S.*) \| (\d+) \| \*\*(\d+\.\d+)\*\*, once(?:, ratio \d+\.\d+)? \| \d+ MB \|$", text, re.M)
    assert [(name, int(requests)) for name, requests, seconds in rows] == [
        ("`origin_cloud_region_info`", 2),
        ("SDK, `list` with its default of 20 mappings a page", 7),
        ("`origin_cloud_regions`", 4),
        ("SDK, `list` with `per_page=100`, and `update` for each mapping", 5),
        ("lookup `origin_cloud_region`", 2),
    ]
    pattern = r"^\| (\S.*) \| (\d+) \| (\d+) \| (\d+) \(\d+\.\d%\) \| \*\*\d+\.\d+\*\* \| (?:\d+\.\d+)? \|$"
    rows = re.findall(pattern, text, re.M)
    # With less `max_wait`, a block may fail a task
    assert [(name, int(failed), int(requests) - int(refused)) for name, failed, requests, refused in rows[:2]] == [
        ("tasks share the rate limit", 0, 10),
        ("without coordination", 0, 10),
    ]
    assert [name for name, *dummy in rows[2:]] == ["without coordination, with `max_wait: 1.1`"]


def test_one_part_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE.read_text())
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--quick", "--only", "rate limit", "--page", str(page)])
    monkeypatch.setitem(__main__.PARTS, "rate limit", lambda sizes: f"{sizes.rate_limit}")
    __main__.main()
    assert parse_tables(page.read_text()) == {**parse_tables(PAGE.read_text()), "rate limit": "(4, 1)"}


def handwritten_text(text: str) -> str:
    """Return the text outside the tables."""
    return TABLE_MARKERS.sub(r"<!-- \g<name> -->", text)
