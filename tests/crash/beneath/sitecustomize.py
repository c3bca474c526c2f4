"""Python imports this first in a process whose PYTHONPATH names this folder: see `tests.crash.knife`."""

from tests.crash.knife import install

install()
