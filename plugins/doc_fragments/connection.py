# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for connections to any server, and the other places where plugins look for them."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  timeout:
    description:
      - The seconds that one request may take to connect, and that may pass between two bytes of its response.
      - A complete response may take O(timeout) plus the seconds that are left of O(max_wait). It uses up O(max_wait) by the seconds
        beyond O(timeout).
    type: float
    default: 30.0
  max_wait:
    description:
      - The seconds that a module, an inventory or one call of a lookup may wait in total after failed requests, until a block
        by the rate limit ends, or a server or connection recovers. A warning reports each wait.
      - To prevent a block, tasks on the same host also wait for each other when they have used up the rate limit. That wait does not count.
      - The default is enough for one rate limit block of five minutes. With V(0), the task fails instead of waiting.
      - If a response specifies how long to wait, the wait takes exactly that time. If the rest of O(max_wait) is shorter, the task
        fails at once.
    type: float
    default: 330.0
  validate_certs:
    description:
      - Whether to verify the certificates of servers. Disable only for tests.
    type: bool
    default: true
  ca_path:
    description:
      - A file or directory with the CA certificates to trust, instead of the default ones of the Python library C(requests).
    type: path
requirements:
  - requests >= 2.29
  - netaddr >= 1.0.0
notes:
  - Proxy environment variables, such as E(HTTPS_PROXY), apply. Redirects are not followed.
"""

    PLUGINS = r"""
options:
  timeout:
    ini:
      - section: edgecache_cloudflare
        key: timeout
    vars:
      - name: cloudflare_timeout
  max_wait:
    ini:
      - section: edgecache_cloudflare
        key: max_wait
    vars:
      - name: cloudflare_max_wait
  validate_certs:
    ini:
      - section: edgecache_cloudflare
        key: validate_certs
    vars:
      - name: cloudflare_validate_certs
  ca_path:
    ini:
      - section: edgecache_cloudflare
        key: ca_path
    vars:
      - name: cloudflare_ca_path
notes:
  - The plugin sends requests from the controller, and reads the environment variables of the controller.
"""
