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
      - The files with the ranges, each a path or an http or https URL. They are told apart by what is in them, and may be several of one
        vendor.
      - AWS publishes C(ip-ranges.json), Google C(cloud.json) and Oracle C(public_ip_ranges.json) at the URLs of the default. Azure
        publishes C(ServiceTags_Public_*.json), with another URL each week, so that file has to be given beside them.
      - A path is one on the host that the module runs on. If it is relative, it is so to the folder that the module is run in, so give
        it whole where that matters. C(~) is expanded.
      - A URL is shown in messages and results, so one with a user name, a password or a query, which may be a secret, is refused. Fetch
        such a file before.
      - A file may have up to 16777216 bytes (16 MiB), and name up to 500 regions. A file that would take more than some 150 MB of memory
        is refused before it is parsed. The largest of the vendors' files takes less than half of that.
    type: list
    elements: str
    default:
      - https://ip-ranges.amazonaws.com/ip-ranges.json
      - https://www.gstatic.com/ipranges/cloud.json
      - https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json
"""
