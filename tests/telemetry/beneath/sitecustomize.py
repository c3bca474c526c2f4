"""Python imports this first in a process whose PYTHONPATH names this folder: see `tests/telemetry`."""

from tests.telemetry.breaking import install

install()
