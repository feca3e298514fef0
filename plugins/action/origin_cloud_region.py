# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module of this name as usual, then make the lookups of the run read the zone again."""

from __future__ import annotations

import typing as t

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._cache import disable_for_run, invalidate


class ActionModule(NormalAction):
    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Any:
        has_ended = False
        try:
            result = super().run(tmp, task_vars)
            has_ended = not self._task.async_val
            return result
        finally:
            # In the background, and after a timeout or a lost connection, the module may write at any later time
            try:
                if not has_ended:
                    disable_for_run()
                elif not self._task.check_mode:
                    invalidate()
            except OSError as error:
                Display().warning(
                    f"Lookups of this run may return data from before this task, since their cache cannot be invalidated: {error}. "
                    "Use cache=false."
                )
