"""Python imports this first in a process whose PYTHONPATH names this folder: see `tests.faults.machine`."""

from tests.faults.machine import install

install()
