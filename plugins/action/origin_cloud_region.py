# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module of this name as Ansible would without this. After that, lookups of the run read again."""

from __future__ import annotations

import typing as t

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._cache import forget, forget_for_good


class ActionModule(NormalAction):
    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Any:
        ended = False
        try:
            result = super().run(tmp, task_vars)
            ended = not self._task.async_val
            return result
        finally:
            # In the background, and after a time-out or a lost connection, nobody knows when the module writes
            try:
                if not ended:
                    forget_for_good()
                elif not self._task.check_mode:
                    forget()
            except OSError as error:
                Display().warning(f"Lookups of this run may show what was there before this task: {error}")
