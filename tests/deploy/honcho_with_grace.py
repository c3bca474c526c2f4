"""`honcho`, as patient as a platform. Run as a program, in the environment of a dyno.

When one of its processes has ended, it kills the others 5 s later; Heroku gives them 30:
https://devcenter.heroku.com/articles/dyno-shutdown-behavior
"""

from __future__ import annotations

import ctypes
import os
import sys

from honcho import command, manager

GRACE = 30
_CAPBSET_DROP, _DAC_OVERRIDE = 24, 1  # linux/prctl.h, linux/capability.h


def main() -> None:
    manager.KILL_WAIT = GRACE
    if sys.platform == "linux" and os.geteuid() == 0:
        # What is read-only is so for root too, in every program started from here: capabilities(7)
        ctypes.CDLL(None, use_errno=True).prctl(_CAPBSET_DROP, _DAC_OVERRIDE, 0, 0, 0)
    command.main()


if __name__ == "__main__":
    main()
