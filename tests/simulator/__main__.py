# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m tests.simulator``: start the simulator, print its URL, and serve until a signal."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import signal
from pathlib import Path

from aiohttp import web

from .app import Simulator, create_application
from .rate_limit import RateLimit
from .seed import DEFAULT_SEED, SeedError, read_seed


def parse_loopback(host: str) -> str:
    """Return a loopback address. The credentials of the simulator are public, so it serves this machine only."""
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{host!r} is not a loopback address")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--host", type=parse_loopback, default="127.0.0.1", help="loopback address (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes any free port")
    parser.add_argument(
        "--seed", type=Path, default=DEFAULT_SEED, help="YAML file with the zones and credentials of the account"
    )
    parser.add_argument("--latency", type=float, default=0, metavar="SECONDS", help="added to every answer")
    parser.add_argument(
        "--exports", action="store_true", help="print the environment variables of the collection, for a shell"
    )
    parser.add_argument("--no-contract-check", action="store_true", help="check no schemas, for benchmarks")
    parser.add_argument(
        "--rate-limit",
        type=int,
        nargs=2,
        metavar=("REQUESTS", "SECONDS"),
        help="refuse further requests of a credential, as the API does after 1200 in 300 seconds",
    )
    return parser.parse_args()


def print_exports(simulator: Simulator, url: str) -> None:
    """Print the environment variables that make the collection use the first token and zone of the seed."""
    print(f"export CLOUDFLARE_API_TOKEN={next(iter(simulator.state.tokens))}")
    print(f"export CLOUDFLARE_ZONE_ID={next(iter(simulator.state.zones))}")
    print(f"export CLOUDFLARE_BASE_URL={url}")


async def serve(options: argparse.Namespace) -> None:
    rate_limit = RateLimit(*options.rate_limit) if options.rate_limit else None
    simulator = Simulator(read_seed(options.seed), options.latency, not options.no_contract_check, rate_limit)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(create_application(simulator), access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port)
    await site.start()
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http://{host}:{runner.addresses[0][1]}/client/v4"
    if options.exports:
        print_exports(simulator, url)
    print(f"Simulator listening on {url}", flush=True)
    await stop.wait()
    simulator.faults.clear()
    await runner.cleanup()


def main() -> None:
    try:
        asyncio.run(serve(parse_arguments()))
    except (OSError, SeedError) as error:
        raise SystemExit(f"simulator: {error}") from None


if __name__ == "__main__":
    main()
