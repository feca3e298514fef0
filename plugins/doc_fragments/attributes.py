# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules support, and where they run."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/edgecache.cloudflare.cloudflare) in C(module_defaults) to set the shared options once for all modules.
    support: full
    membership:
      - edgecache.cloudflare.cloudflare
  check_mode:
    description: Can run in C(check_mode) and report what would change, without changing it.
  diff_mode:
    description: Reports what has changed, or would change, in diff mode.
  idempotent:
    description: When run twice in a row with the same options, the second run changes nothing.
notes:
  - The module sends requests from the host that it runs on, and reads the environment variables of that host. With
    C(delegate_to=localhost), or in a play for C(localhost), that host is the controller.
"""

    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    support: full
    details:
      - This module changes nothing.
"""

    STATE_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - Reads and validates as a real run does, and returns the same result, but writes nothing.
  diff_mode:
    support: full
  idempotent:
    support: full
"""
