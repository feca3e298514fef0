# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for the zone, and the other places where plugins look for them."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  zone_id:
    description:
      - The id of the zone, 32 hexadecimal digits. Specify exactly one of O(zone_id) and O(zone).
      - If neither is set, O(zone_id) defaults to the environment variable E(CLOUDFLARE_ZONE_ID).
    type: str
  zone:
    description:
      - The domain name of the zone. Costs one more request than O(zone_id), and needs a token that may list the zone.
    type: str
"""

    PLUGINS = r"""
options:
  zone_id:
    env:
      - name: CLOUDFLARE_ZONE_ID
    ini:
      - section: edgecache_cloudflare
        key: zone_id
    vars:
      - name: cloudflare_zone_id
  zone:
    ini:
      - section: edgecache_cloudflare
        key: zone
    vars:
      - name: cloudflare_zone
"""
