# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load pages in Chromium through the DevTools protocol, without a driver, and return their requests, messages and values.

The protocol: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import time
import typing as t
from pathlib import Path

import aiohttp

BROWSER = next(filter(None, map(shutil.which, os.environ.get("BROWSERS", "chromium").split())), None)
"""The path of the first installed browser that the environment variable ``BROWSERS`` names, or None."""


class LoadedPage(t.NamedTuple):
    """The requested URLs, the messages of the console and of dialogs, and the values of the expressions."""

    requests: list[str]
    messages: list[str]
    values: list[t.Any]


class Browser:
    """A running browser at this address, with an empty profile."""

    def __init__(self, url: str) -> None:
        self._url = url

    def load(
        self, page: Path, *expressions: str, width: int = 1280, scheme: str = "light", media: str = ""
    ) -> LoadedPage:
        """Load a page in a new tab, then evaluate these JavaScript expressions in the page."""
        return asyncio.run(asyncio.wait_for(self._load(page, expressions, width, scheme, media), 60))

    async def _load(self, page: Path, expressions: t.Sequence[str], width: int, scheme: str, media: str) -> LoadedPage:
        result = LoadedPage([], [], [])
        # The event for the tab's empty page may arrive late, so the ids of the loads are compared.
        loaded_ids: set[str] = set()
        load_event_arrived = asyncio.Event()

        def handle_event(event: dict[str, t.Any]) -> None:
            method, parameters = event["method"], event["params"]
            if method == "Network.requestWillBeSent":
                result.requests.append(parameters["request"]["url"])
            elif method in (
                "Log.entryAdded",
                "Runtime.consoleAPICalled",
                "Runtime.exceptionThrown",
                "Page.javascriptDialogOpening",
            ):
                result.messages.append(str(parameters))
            elif method == "Page.lifecycleEvent" and parameters["name"] == "load":
                loaded_ids.add(parameters["loaderId"])
                load_event_arrived.set()

        async with _open_tab(self._url, handle_event) as call:
            for domain in ("Page", "Network", "Log", "Runtime"):
                await call(f"{domain}.enable")
            await call("Page.setLifecycleEventsEnabled", enabled=True)
            size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
            await call("Emulation.setDeviceMetricsOverride", **size)
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            await call("Emulation.setEmulatedMedia", media=media, features=features)
            loader_id = (await call("Page.navigate", url=page.as_uri()))["loaderId"]
            while loader_id not in loaded_ids:
                load_event_arrived.clear()
                await load_event_arrived.wait()
            for expression in expressions:
                response = await call("Runtime.evaluate", expression=expression, returnByValue=True)
                assert "exceptionDetails" not in response, response
                result.values.append(response["result"].get("value"))
        return result


@contextlib.contextmanager
def running_browser(folder: Path) -> t.Iterator[Browser]:
    """Start a browser, and end it at the end of the block."""
    assert BROWSER
    command = [
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
        *("--disable-component-update", "--disable-sync", "--no-first-run", "--remote-debugging-port=0"),
        *(f"--user-data-dir={folder / 'browser'}", "about:blank"),
    ]
    log = folder / "browser.log"
    with log.open("w") as output, subprocess.Popen(command, stderr=output, stdout=output, cwd=folder) as process:
        try:
            while not (match := re.search(r"^DevTools listening on ws://([^/]+)/", log.read_text(), re.MULTILINE)):
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            yield Browser(f"http://{match[1]}")
        finally:
            process.terminate()


@contextlib.asynccontextmanager
async def _open_tab(url: str, handle_event: t.Callable[[dict[str, t.Any]], None]) -> t.AsyncIterator[t.Any]:
    """Open a tab. Yield a function that calls a method of the protocol, and returns its result."""
    async with aiohttp.ClientSession() as session:
        async with session.put(f"{url}/json/new?about:blank") as response:
            tab = await response.json()
        async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            pending: dict[int, asyncio.Future[dict[str, t.Any]]] = {}

            async def read_messages() -> None:
                async for message in socket:
                    content = message.json()
                    if "id" in content:
                        pending.pop(content["id"]).set_result(content)
                    else:
                        handle_event(content)

            async def call(method: str, **parameters: t.Any) -> dict[str, t.Any]:
                request_id = call.last_id = getattr(call, "last_id", 0) + 1
                pending[request_id] = asyncio.get_running_loop().create_future()
                await socket.send_json({"id": request_id, "method": method, "params": parameters})
                response = await pending[request_id]
                assert "error" not in response, (method, response)
                return t.cast("dict[str, t.Any]", response["result"])

            reader = asyncio.create_task(read_messages())
            yield call
            reader.cancel()
