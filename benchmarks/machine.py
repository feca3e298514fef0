# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine, date and versions of a measurement, without anything that identifies the machine or its user."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform


def describe_machine(command: str) -> str:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(package)}"
        for name, package in (
            ("ansible-core", "ansible-core"),
            ("requests", "requests"),
            ("Cloudflare's SDK", "cloudflare"),
        )
    )
    one_minute, five_minutes, dummy = os.getloadavg()
    return (
        f"Measured on {datetime.datetime.now(datetime.timezone.utc).date()} by `{command}`, on {os.cpu_count()} CPUs, with "
        f"{platform.system()}, Python {platform.python_version()}, {versions}. The load average at the start was "
        f"{one_minute:.1f} over 1 minute, and {five_minutes:.1f} over 5 minutes."
    )
