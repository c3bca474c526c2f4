"""A second Postgres that follows another by streaming replication, and is promoted."""

from __future__ import annotations

import os
import shutil

from tests.postgres import Postgres, _give, _unprivileged


class Replica(Postgres):
    """Made of a copy of `primary`, which is stopped for that moment. Nothing is connected to it then."""

    def __init__(self, primary: Postgres) -> None:
        super().__init__(primary.programs)
        self._primary = primary
        self.password = primary.password

    def _create(self) -> None:
        self._primary._stop_server("fast")
        shutil.copytree(self._primary._data, self._data)
        self._primary._start()
        (self._data / "standby.signal").touch()
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        follows = f"host=127.0.0.1 port={self._primary.port} user=bridge password={self._primary.password}"
        with (self._data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"\nprimary_conninfo = '{follows}'\n")
        if os.geteuid() == 0:
            account = _unprivileged()
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            _give(self.home, account)

    def promote(self) -> None:
        assert self.sql("SELECT pg_promote()") == "t\n"
