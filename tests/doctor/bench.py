"""A configuration that is whole, a bridge that runs on it, and the doctor as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest import CaptureFixture, MonkeyPatch

from bridge.__main__ import main
from bridge.sandbox.stage import Stage


@dataclass
class Bench:
    """`config` and `environ` are the doctor's own copies; what is patched of the stage is put back."""

    stage: Stage
    folder: Path
    patch: MonkeyPatch
    config: str
    environ: dict[str, str]
    secrets: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.secrets = {
            value for name, value in self.stage.environ.items() if name.startswith(("SLACK_", "ACME_"))
        }

    def write(self, old: str, new: str) -> None:
        """Let config.toml say something else."""
        assert old in self.config
        self.config = self.config.replace(old, new, 1)

    async def ask(self, *arguments: str) -> tuple[int, str]:
        """What `bridge doctor` ends with, and prints, as a process of its own."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", *self._line(arguments)),
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, self._printed(out.decode(), err.decode())

    async def ask_here(self, capsys: CaptureFixture[str], *arguments: str) -> tuple[int, str]:
        """The same in this process, which has everything loaded already: a table of it takes seconds."""
        for name in os.environ.keys() - self.environ.keys():
            self.patch.delenv(name)
        for name, value in self.environ.items():
            self.patch.setenv(name, value)
        capsys.readouterr()
        code = await asyncio.to_thread(main, self._line(arguments))
        return code, self._printed(*capsys.readouterr())

    async def findings(
        self, *arguments: str, within: CaptureFixture[str] | None = None
    ) -> tuple[int, list[dict[str, Any]]]:
        line = ("--json", *arguments)
        code, printed = await (self.ask(*line) if within is None else self.ask_here(within, *line))
        told = json.loads(printed)
        assert told["works"] is (code == 0)
        return code, told["findings"]

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        path = self.folder / "config.toml"
        path.write_text(self.config)
        return ["doctor", "--config", str(path), *arguments]

    def _printed(self, out: str, complaints: str) -> str:
        """Whatever it is, no secret is in it."""
        given = {value for name, value in self.environ.items() if name.startswith(("SLACK_", "ACME_"))}
        for secret in self.secrets | {one for one in given if len(one) > 8} | {"not-to-be-told"}:
            assert secret not in out + complaints
        assert complaints == ""
        return out
