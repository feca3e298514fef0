# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option of all modules that read the ranges of cloud vendors."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  sources:
    description:
      - The files with the address ranges of the cloud vendors, each a path or an http or https URL.
      - The default has the files of AWS, Google and Oracle. Azure's file C(ServiceTags_Public_*.json) has another URL each week, so
        add it yourself.
      - The content of a file decides which vendor it belongs to. Several files of one vendor are allowed.
      - A path is on the host that the module runs on. A relative path starts in the directory where the module runs, so prefer a full
        path. C(~) is expanded.
      - A URL must not contain a user name, a password or a query, since messages and results show URLs. Fetch such a file first, and
        specify its path.
      - A file may have up to 16777216 bytes (16 MiB) and 500 regions. A file that would take more than some 150 MB of memory to parse
        is rejected. The largest file of a vendor takes less than half of that.
    type: list
    elements: str
    default:
      - https://ip-ranges.amazonaws.com/ip-ranges.json
      - https://www.gstatic.com/ipranges/cloud.json
      - https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json
"""
