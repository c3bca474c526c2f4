"""Python imports this when a process starts whose PYTHONPATH names this folder: see `tests.faults.machine`."""

from tests.faults.machine import install

install()
