# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run playbooks against one simulator, each with the same extra variables. A warning is an error."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.simulator.testing import running_simulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.play", description=__doc__)
    parser.add_argument("playbooks", nargs="+", metavar="PLAYBOOK")
    parser.add_argument("-e", "--extra-vars", action="append", default=[], metavar="JSON|@FILE")
    options = parser.parse_args()
    log = Path.home() / "play.log"
    log.unlink(missing_ok=True)
    with running_simulator() as simulator:
        environment = {
            **os.environ,
            # The playbooks need no inventory: the implicit localhost has the session's Python.
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_LOG_PATH": str(log),
            "CLOUDFLARE_API_TOKEN": simulator.token,
            "CLOUDFLARE_ZONE_ID": simulator.zone_id,
            "CLOUDFLARE_BASE_URL": simulator.url,
        }
        for playbook in options.playbooks:
            command = ["ansible-playbook", playbook, *(f"-e{variables}" for variables in options.extra_vars)]
            if failed := subprocess.run(command, env=environment, check=False).returncode:
                sys.exit(failed)
    if warnings := [line for line in log.read_text().splitlines() if "[WARNING]" in line]:
        sys.exit(f"a playbook warned: {warnings[0]}")


if __name__ == "__main__":
    main()
