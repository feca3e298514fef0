# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import time
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: seconds
type: aggregate
short_description: Write the seconds of each task to a file
description:
  - Writes a line of JSON for each task to the file in E(BENCHMARK_SECONDS), with the name of the task and the seconds from its start to
    the last result of a host.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "seconds"

    def __init__(self) -> None:
        super().__init__()
        self.name = ""
        self.started = self.ended = 0.0

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self.write()
        self.name = task.get_name()
        self.started = self.ended = time.perf_counter()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self.ended = time.perf_counter()

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self.ended = time.perf_counter()

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self.write()

    def write(self) -> None:
        if self.name:
            with open(os.environ["BENCHMARK_SECONDS"], "a", encoding="utf-8") as file:
                file.write(json.dumps({"name": self.name, "seconds": self.ended - self.started}) + "\n")
