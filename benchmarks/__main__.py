"""`make bench`, or `python -m benchmarks [NAME ...] [--quick] [--write PAGE]`.

Ends with 0 also where a budget is not met, which the table says: a busy machine is no fault. With 1 where
something failed: lost, out of order or refused. With 2 where something to run it with is missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import sys
import time
from importlib import import_module
from pathlib import Path

from benchmarks import table, wrk
from benchmarks.loop import run
from benchmarks.report import Result
from tests.postgres import NoPostgres, find

NAMES = ("ack", "idle", "lanes", "whole", "growth", "pacing")
_NO_LIBRARY = "procrastinate is not installed: use make bench, or pip install -r requirements-bench.txt"


def main(argv: list[str] | None = None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.quick and arguments.write:
        parser.error("what --quick finds says nothing of speed: nothing to write down")
    names = tuple(arguments.names or NAMES)
    if lacking := missing(names):
        print("\n".join(lacking), file=sys.stderr)
        return 2
    logging.disable(logging.WARNING)
    about = table.environment()
    print("\n".join(about), end="\n\n")
    results: list[Result] = []
    for name in names:
        began = time.monotonic()
        found = run(import_module(f"benchmarks.{name}").results(arguments.quick))
        print(f"{name}, {time.monotonic() - began:.0f} s", table.text(found), "", sep="\n", flush=True)
        results += found
    print(table.summary(results), table.FOOTER.replace("`", ""), sep="\n")
    if arguments.write:
        page = arguments.write.read_text(encoding="utf-8")
        arguments.write.write_text(table.replaced(page, table.markdown(about, results)), encoding="utf-8")
    return 0


def missing(names: tuple[str, ...]) -> list[str]:
    """What these benchmarks need and is not here, with how to get it."""
    found = []
    if not wrk.is_there() and (needing := [name for name in names if name in ("ack", "whole")]):
        found.append(wrk.MISSING.format(names=" and ".join(needing)))
    if "lanes" in names and importlib.util.find_spec("procrastinate") is None:
        found.append(_NO_LIBRARY)
    try:
        find()
    except NoPostgres as error:
        found.append(str(error))
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="How fast the bridge is, as ratios from one run."
    )
    # argparse would hold an empty list against the choices
    parser.add_argument(
        "names", nargs="*", metavar="NAME", type=_name, help=f"{', '.join(NAMES)}; default: all"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: whether it works")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page")
    return parser


def _name(told: str) -> str:
    if told not in NAMES:
        raise argparse.ArgumentTypeError(f"no benchmark {told!r}; there are {', '.join(NAMES)}")
    return told


if __name__ == "__main__":
    sys.exit(main())
