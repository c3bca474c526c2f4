"""An act as an agent asks for it, where a test does not care which."""

from __future__ import annotations

from bridge.delivery.kinds import OwnAct
from bridge.model import Act

CLAIM = OwnAct(act=Act.CLAIM, user="U0MINA")
