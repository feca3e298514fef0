# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version of the collection, for the User-Agent. Written by `nox -s version` from galaxy.yml; private."""

from __future__ import annotations

VERSION = "1.2.0-dev"
