# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module of this name as Ansible would without this. After that, lookups of the run read again."""

from __future__ import annotations

import typing as t

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._cache import forget


class ActionModule(NormalAction):
    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> t.Any:
        try:
            return super().run(tmp, task_vars)
        finally:
            # In the background, nobody knows when the module writes
            forget(for_good=bool(self._task.async_val))
