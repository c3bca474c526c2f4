"""What a platform makes of this repository: a copy of what git has, and a Python with requirements.txt in it.

Heroku calls it a slug. The copy is read-only; `changed` says what is different in it all the same.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent.parent


def requirements() -> Iterator[tuple[Requirement, list[str]]]:
    """Each line of requirements.txt as pip reads it: what is required, and its hashes."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.splitlines())):
        required, *hashes = line.split(" --hash=")
        yield Requirement(required.strip()), [one.strip() for one in hashes]


@dataclass
class Slug:
    folder: Path
    _built: dict[str, str] = field(default_factory=dict)

    @property
    def app(self) -> Path:
        """The checkout, in which every process starts."""
        return self.folder / "app"

    @property
    def programs(self) -> Path:
        """Where its `python` is."""
        return self.folder / "python" / "bin"

    def changed(self) -> list[str]:
        """What in the checkout is new, gone or different since it was built."""
        return sorted({name for name, _ in self._built.items() ^ _listing(self.app).items()})

    def lock(self, mode: int = 0o555) -> None:
        """Take everybody's right to write in the checkout; or with another `mode` give it back."""
        for path in (self.app, *self.app.rglob("*")):
            if path.is_dir():
                path.chmod(mode)
            elif not path.is_symlink():
                path.chmod(mode & 0o666)


def build(folder: Path, config: str) -> Slug:
    """The slug of the working tree as git would have it, with `config` as its config.toml."""
    slug = Slug(folder)
    for name in _names():
        (slug.app / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, slug.app / name, follow_symlinks=False)
    (slug.app / "config.toml").write_text(config, encoding="utf-8")
    _install(folder / "python")
    slug._built = _listing(slug.app)
    slug.lock()
    return slug


def _names() -> list[str]:
    """What git has, and what it would have if everything here were committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in told.split("\0") if name and (ROOT / name).is_file()]


def _install(folder: Path) -> None:
    """A Python with what requirements.txt names and nothing else: links to what is installed here."""
    venv.EnvBuilder(symlinks=True).create(folder)
    (packages,) = folder.glob("lib/python3.*/site-packages")
    for required, _ in requirements():
        if required.marker is None or required.marker.evaluate():
            for name in {file.parts[0] for file in distribution(required.name).files or ()}:
                installed = Path(str(distribution(required.name).locate_file(name)))
                if name not in ("..", "__pycache__") and not (packages / name).exists():
                    (packages / name).symlink_to(installed)


def _listing(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }
