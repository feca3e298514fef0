# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install pip packages for ansible-test, in place of the script that it downloads from a host that not every machine reaches.

The first pip comes with Python, in a separate process, since ensurepip disables the configuration of pip.
"""

from __future__ import annotations

import runpy
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip"])
sys.argv[1:] = ["install", *(word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__")
