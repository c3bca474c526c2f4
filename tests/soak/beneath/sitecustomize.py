"""Python imports this first in a process whose PYTHONPATH names this folder: see `tests.soak.town`."""

from tests.soak.town import hurry

hurry()
