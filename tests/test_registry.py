"""Vendors are found: ours, and through installed packages' entry points."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.registry import adapters

ECHO = """
from bridge.adapter import Capabilities, Received, Secrets, Settings
from bridge.model import Sent

class Echo:
    vendor = "echo"
    settings = Settings
    secrets = Secrets
    capabilities = Capabilities()
    def __init__(self, source, settings, secrets, http): ...
    def receive(self, webhook): return Received(key="1")
    async def send(self, reply): return Sent()

class Half:
    vendor = "echo"
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a package that offers adapters where Python finds it, as an installer does."""

    def install(*entries: str, package: str = "bridge-echo") -> None:
        folder = tmp_path / package
        described = folder / f"{package.replace('-', '_')}-1.0.dist-info"
        described.mkdir(parents=True)
        (folder / "echo_adapter.py").write_text(ECHO)
        (folder / "echo_broken.py").write_text("raise RuntimeError('no such library')")
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (described / "entry_points.txt").write_text("[bridge.adapters]\n" + "\n".join(entries))
        monkeypatch.syspath_prepend(str(folder))

    return install


def test_ours_are_there() -> None:
    assert {vendor: adapter.vendor for vendor, adapter in adapters().items()} == {
        "ada": "ada",
        "gptbots": "gptbots",
        "moveo": "moveo",
    }


def test_an_installed_package_adds_its_own(install: Install) -> None:
    install("echo = echo_adapter:Echo")

    assert [*adapters()] == ["ada", "gptbots", "moveo", "echo"]
    assert adapters()["echo"].__name__ == "Echo"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("echo = echo_broken:Echo", r"cannot be imported \(RuntimeError: no such library\)"),
        ("echo = echo_missing:Echo", r"cannot be imported \(ModuleNotFoundError"),
        ("echo = echo_adapter:Nothing", r"cannot be imported \(AttributeError"),
        ("echo = echo_adapter:Half", "is not an adapter class whose `vendor` is 'echo'"),
        ("parrot = echo_adapter:Echo", "is not an adapter class whose `vendor` is 'parrot'"),
        ("ada = echo_adapter:Echo", "there is an adapter for 'ada' already"),
    ],
)
def test_what_cannot_be_used_is_named(install: Install, entry: str, problem: str) -> None:
    install(entry)

    with pytest.raises(ConfigError, match=problem) as caught:
        adapters()
    name, _, value = entry.partition(" = ")
    assert caught.value.where == f"entry point {name} = '{value}' of package bridge-echo (bridge.adapters)"


def test_two_packages_for_one_vendor_are_refused(install: Install) -> None:
    install("echo = echo_adapter:Echo")
    install("echo = echo_adapter:Echo", package="bridge-parrot")

    with pytest.raises(ConfigError, match="there is an adapter for 'echo' already"):
        adapters()
