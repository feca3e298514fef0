# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of every module: options in, errors out. Private: no other collection may rely on this file."""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.edgecache.cloudflare.plugins.module_utils._arguments import (
    ARGUMENT_SPEC,
    Layer,
    environment,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._libraries import missing_libraries

SECRETS = [
    name for option, spec in ARGUMENT_SPEC.items() if spec.get("no_log") for name in (option, *spec.get("aliases", ()))
]
"""Every name of an option that holds a secret."""


class Module(AnsibleModule):
    """A module that shows no secrets even if Ansible gives up collecting them, at list elements of a wrong type."""

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn:
        self.no_log_values.update(str(self.params[name]) for name in SECRETS if self.params.get(name))
        super().fail_json(msg, **kwargs)
        raise AssertionError  # fail_json has ended the process


def run_module(
    argument_spec: dict[str, t.Any],
    run: t.Callable[[AnsibleModule, list[Layer]], dict[str, t.Any]],
    **rules: t.Any,
) -> None:
    """Run a module: ``run`` gets it with the layers of its options, and returns its result.

    ``argument_spec`` has the options beside the shared ones, ``rules`` what ``AnsibleModule`` has for their
    combinations. An error ends the module with ``msg`` and ``failure``, beside the result of the error.
    """
    make: t.Callable[..., Module] = Module  # Ansible's own constructor has no types
    module = make(argument_spec={**ARGUMENT_SPEC, **argument_spec}, supports_check_mode=True, **rules)
    for library in missing_libraries():
        module.fail_json(msg=missing_required_lib(library))
    variables = environment(os.environ)
    # As AnsibleModule does with what the no_log options hold
    module.no_log_values.update(variables[name] for name in SECRETS if name in variables)
    given = {name: value for name, value in module.params.items() if value is not None}
    end: t.Callable[..., None] = module.exit_json
    try:
        result = run(module, [given, variables])
    except CloudflareError as error:
        end, result = module.fail_json, dict(error.result, msg=str(error), failure=error.failure())
    end(**result)  # outside of `except`, where fail_json would add a traceback at -vvv
