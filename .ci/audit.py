"""Ask OSV (https://osv.dev) whether what a requirements file pins has known vulnerabilities.

Ends with 0 where none are known, with 1 where some are, and with 75 where that could not be asked.

Looked at and not taken: `pip-audit` brings 27 packages along, and ends with 1 in both cases; `uv audit`
is experimental, and reads its own lock file only.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SERVICE = "https://api.osv.dev"
TIMEOUT = 20.0  # seconds for each question
UNREACHABLE = 75  # EX_TEMPFAIL

#: what is known and does not concern us: its id -> why
ACCEPTED: dict[str, str] = {}

Pin = tuple[str, str]


class Unreachable(Exception):
    """There is no answer, or none that can be read."""


def pins(file: Path) -> list[Pin]:
    """What is pinned in a file of `uv pip compile`, which begins each line of its own with it."""
    return re.findall(
        r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", file.read_text(encoding="utf-8"), re.MULTILINE
    )


def ask(address: str, question: object = None) -> Any:
    data = None if question is None else json.dumps(question).encode()
    request = urllib.request.Request(address, data, {"content-type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - it is ours
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise Unreachable(f"{address}: {error}") from None


def known(service: str, asked: list[Pin]) -> Iterator[tuple[Pin, str]]:
    """What is pinned, with the id of each vulnerability that it has. Raises `Unreachable`.

    https://google.github.io/osv.dev/post-v1-querybatch/
    """
    queries = [
        {"package": {"ecosystem": "PyPI", "name": name}, "version": version} for name, version in asked
    ]
    answer = ask(f"{service}/v1/querybatch", {"queries": queries})
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != len(asked):
        raise Unreachable(f"{service}: it does not answer as it is documented to")
    for pin, result in zip(asked, results, strict=True):
        for found in (result or {}).get("vulns", ()):
            yield pin, str(found["id"])


def told(service: str, pin: Pin, id: str) -> str | None:
    """What is known of a vulnerability, or None where it was taken back."""
    about = ask(f"{service}/v1/vulns/{id}")
    if about.get("withdrawn"):
        return None
    events = [
        event
        for affected in about.get("affected", ())
        if affected.get("package", {}).get("name", "").lower() == pin[0].lower()
        for span in affected.get("ranges", ())
        if span.get("type") == "ECOSYSTEM"
        for event in span.get("events", ())
    ]
    fixed = sorted({event["fixed"] for event in events if "fixed" in event})
    names = ", ".join([id, *about.get("aliases", ())])
    summary = about.get("summary") or (about.get("details") or "").partition("\n")[0]
    return f"{pin[0]} {pin[1]}: {summary} ({names}); fixed in {' or '.join(fixed) or 'no version yet'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--service", default=SERVICE, help="default: %(default)s")
    parser.add_argument("--if-reachable", action="store_true", help="end with 0 where it cannot be asked")
    arguments = parser.parse_args()
    asked = sorted({pin for file in arguments.files for pin in pins(file)})
    if not asked:
        parser.error("nothing is pinned there")
    try:
        found = [
            told(arguments.service, pin, id)
            for pin, id in known(arguments.service, asked)
            if id not in ACCEPTED
        ]
    except Unreachable as error:
        print(
            f"NOT AUDITED: whether anything is known of {len(asked)} packages could not be asked: {error}",
            file=sys.stderr,
        )
        return 0 if arguments.if_reachable else UNREACHABLE
    lines = [line for line in found if line is not None]
    for line in lines:
        print(line, file=sys.stderr)
    print(f"{len(asked)} packages, {len(lines)} known vulnerabilities")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
