# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module of this name as the action plugin of ``origin_cloud_region`` does."""

from __future__ import annotations

from ansible_collections.edgecache.cloudflare.plugins.action.origin_cloud_region import ActionModule

__all__ = ["ActionModule"]
