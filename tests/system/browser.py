# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A page as Chromium shows it: what it asks for, complains about, and computes. Talks the DevTools protocol, with no driver between."""

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
"""The names that a browser may have: see ``BROWSERS`` of tests/tools/versions.py."""


class View(t.NamedTuple):
    """The effects of loading a page: the requested URLs, the messages of the console, and the values of the expressions."""

    requests: list[str]
    complaints: list[str]
    values: list[t.Any]


class Browser:
    """A running browser at this address, with an empty profile."""

    def __init__(self, url: str) -> None:
        self._url = url

    def view(self, page: Path, *expressions: str, width: int = 1280, scheme: str = "light", media: str = "") -> View:
        """Load a page in a new tab, then evaluate these expressions in the page."""
        return asyncio.run(asyncio.wait_for(self._view(page, expressions, width, scheme, media), 60))

    async def _view(self, page: Path, expressions: t.Sequence[str], width: int, scheme: str, media: str) -> View:
        seen = View([], [], [])
        # The event for the tab's empty page may arrive late, so the id of the document distinguishes the loads
        loaded: set[str] = set()
        load_event_arrived = asyncio.Event()

        def notice(event: dict[str, t.Any]) -> None:
            method, parameters = event["method"], event["params"]
            if method == "Network.requestWillBeSent":
                seen.requests.append(parameters["request"]["url"])
            elif method in (
                "Log.entryAdded",
                "Runtime.consoleAPICalled",
                "Runtime.exceptionThrown",
                "Page.javascriptDialogOpening",
            ):
                seen.complaints.append(str(parameters))
            elif method == "Page.lifecycleEvent" and parameters["name"] == "load":
                loaded.add(parameters["loaderId"])
                load_event_arrived.set()

        async with _target(self._url, notice) as call:
            for domain in ("Page", "Network", "Log", "Runtime"):
                await call(f"{domain}.enable")
            await call("Page.setLifecycleEventsEnabled", enabled=True)
            size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
            await call("Emulation.setDeviceMetricsOverride", **size)
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            await call("Emulation.setEmulatedMedia", media=media, features=features)
            document = (await call("Page.navigate", url=page.as_uri()))["loaderId"]
            while document not in loaded:
                load_event_arrived.clear()
                await load_event_arrived.wait()
            for expression in expressions:
                answer = await call("Runtime.evaluate", expression=expression, returnByValue=True)
                assert "exceptionDetails" not in answer, answer
                seen.values.append(answer["result"].get("value"))
        return seen


@contextlib.contextmanager
def running_browser(folder: Path) -> t.Iterator[Browser]:
    """Start a browser that runs as long as the block."""
    assert BROWSER
    command = [
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
        *("--disable-component-update", "--disable-sync", "--no-first-run", "--remote-debugging-port=0"),
        *(f"--user-data-dir={folder / 'browser'}", "about:blank"),
    ]
    log = folder / "browser.log"
    with log.open("w") as output, subprocess.Popen(command, stderr=output, stdout=output, cwd=folder) as process:
        try:
            while not (found := re.search(r"^DevTools listening on ws://([^/]+)/", log.read_text(), re.MULTILINE)):
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            yield Browser(f"http://{found[1]}")
        finally:
            process.terminate()


@contextlib.asynccontextmanager
async def _target(url: str, notice: t.Callable[[dict[str, t.Any]], None]) -> t.AsyncIterator[t.Any]:
    """A tab, as a function that calls a method of the protocol."""
    async with aiohttp.ClientSession() as session:
        async with session.put(f"{url}/json/new?about:blank") as response:
            target = await response.json()
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            waiting: dict[int, asyncio.Future[dict[str, t.Any]]] = {}

            async def read() -> None:
                async for message in socket:
                    event = message.json()
                    if "id" in event:
                        waiting.pop(event["id"]).set_result(event)
                    else:
                        notice(event)

            async def call(method: str, **parameters: t.Any) -> dict[str, t.Any]:
                number = call.number = getattr(call, "number", 0) + 1
                waiting[number] = asyncio.get_running_loop().create_future()
                await socket.send_json({"id": number, "method": method, "params": parameters})
                answer = await waiting[number]
                assert "error" not in answer, (method, answer)
                return t.cast("dict[str, t.Any]", answer["result"])

            reading = asyncio.create_task(read())
            yield call
            reading.cancel()
