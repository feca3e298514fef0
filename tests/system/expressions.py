# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluates the expressions of a playbook in this process, where a run of ansible-playbook would show no more."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar


class PlayExpressions:
    """The expressions of a play, with its own variables and with extra variables, which win over its own.

    ``task_files`` are files of tasks that the play includes.
    """

    def __init__(self, playbook: Path, *task_files: Path) -> None:
        self._loader = DataLoader()
        self._loader.set_basedir(str(playbook.parent))
        (self._play,) = self._loader.load_from_file(str(playbook), trusted_as_template=True)
        self._tasks = list(self._play["tasks"])
        for path in task_files:
            self._tasks += self._loader.load_from_file(str(path), trusted_as_template=True)
        self._magic_variables = {"playbook_dir": str(playbook.parent)}

    def task(self, name: str) -> dict[str, t.Any]:
        (found,) = [task for task in self._tasks if task["name"] == name]
        return t.cast("dict[str, t.Any]", found)

    def evaluate(self, value: t.Any, variables: t.Mapping[str, t.Any]) -> t.Any:
        """Return a value with all its templates evaluated."""
        return self._templar(variables).template(value)

    def variable(self, name: str, variables: t.Mapping[str, t.Any]) -> t.Any:
        return self._templar(variables).template(self._play["vars"][name])

    def failure(self, name: str, variables: t.Mapping[str, t.Any]) -> str | None:
        """Return the message with which the task of this name, an ``assert``, fails. None: it passes, or is skipped."""
        task = self.task(name)
        arguments = task["ansible.builtin.assert"]
        for item in self.evaluate(task.get("loop", [None]), variables):
            templar = self._templar({**task.get("vars", {}), **variables, "item": item})
            conditions = task.get("when", [])
            if not all(map(templar.evaluate_conditional, [conditions] if isinstance(conditions, str) else conditions)):
                continue
            if not templar.evaluate_conditional(arguments["that"]):
                return str(templar.template(arguments["fail_msg"]))
        return None

    def _templar(self, variables: t.Mapping[str, t.Any]) -> Templar:
        return Templar(self._loader, {**self._play["vars"], **self._magic_variables, **variables})
