"""A headless Chromium for tests: an installed one, driven by playwright, which brings none along."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, async_playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--no-sandbox",  # Chromium's own sandbox needs rights that CI and root have not
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=20_000)


def chromium() -> str:
    """Where it is: `CHROMIUM`, or on the PATH. Without one the test is skipped; in CI it fails."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        why = "no Chromium: install one (Debian: apt install chromium), or name it in CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found


@asynccontextmanager
async def browsing() -> AsyncIterator[tuple[Page, list[str]]]:
    """A page, and what it complains of: errors on the console, in scripts and of requests."""
    executable = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=QUIET)
        page = await browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type != "log" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
        try:
            yield page, complaints
        finally:
            await browser.close()
