# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Warnings of a plugin. Private to the collection: other code must not import this file."""

from __future__ import annotations

from ansible import constants as C
from ansible.utils.display import Display


def warn_always(text: str) -> None:
    """Show a warning, even one that was shown before. Ansible's own function shows equal warnings only once."""
    Display().display(f"[WARNING]: {text}", color=C.config.get_config_value("COLOR_WARN"), stderr=True)
