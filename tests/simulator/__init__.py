# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stateful simulator of the origin cloud region API, on loopback: ``python -m tests.simulator``.

``testing.py`` starts it for tests; every other file is the server itself.
"""

from __future__ import annotations
