# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option for the files with the ranges of cloud vendors, and the other places where plugins look for it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  sources:
    description:
      - The files with the address ranges of the cloud vendors, each a path or an http or https URL.
      - The default has the files of AWS, Google and Oracle. The URL of Azure's file C(ServiceTags_Public_*.json) changes each week, so
        add the file yourself.
      - The content of a file determines its vendor. Several files of one vendor are allowed.
      - A module reads a path on the host that it runs on. The module resolves a relative path in its working directory, so prefer a
        full path. A lookup reads a path on the controller. It searches a relative path as other lookups do, in C(files) of the role
        and next to the playbook. C(~) is expanded.
      - A URL must not contain a user name, a password or a query, since messages and results show URLs. Fetch such a file first, and
        specify its path.
      - A file may have up to 16777216 bytes (16 MiB) and 500 regions. A file that would take more than some 150 MB of memory to parse
        is rejected. Each vendor's file takes less than half of this memory.
    type: list
    elements: str
    default:
      - https://ip-ranges.amazonaws.com/ip-ranges.json
      - https://www.gstatic.com/ipranges/cloud.json
      - https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json
"""

    PLUGINS = r"""
options:
  sources:
    ini:
      - section: edgecache_cloudflare
        key: cloud_range_sources
    vars:
      - name: cloudflare_cloud_range_sources
"""
