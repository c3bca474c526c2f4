"""A reply that was kept before the bridge was away: it goes out as its message reads once it is back."""

from __future__ import annotations

from sqlalchemy import text

from bridge.sandbox.stage import Stage
from tests.bridge.running import in_process
from tests.bridge.scene import SENT, WAITING, waiting
from tests.bridge.unheard import reads
from tests.catchup.absence import absence
from tests.stores import opened

AWAY = 120.0


async def kept_long_ago(stage: Stage) -> None:
    """Replies were kept so much earlier. The bridge is away."""
    url = stage.environ.get("DATABASE_URL") or f"sqlite:///{stage.folder}/bridge.sqlite3"
    change = text("UPDATE delivery SET created_at = created_at - :seconds WHERE kind = 'reply'")
    async with opened(url) as store:
        await store._database.run(lambda connection: connection.execute(change, {"seconds": AWAY}))


async def test_what_people_changed_meanwhile_counts(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
        stage.ada.faults.next(f"*/{scene.id}/messages/", method="POST", status=503, times=50)
        gone = scene.writes("oops one")
        await scene.marked(gone, WAITING)
        noted, locked, other = (scene.writes(words) for words in ("oops two", "oops three", "It is bule"))
        await stage.slack.settled()
    stage.ada.faults.clear()
    async with absence(stage):
        scene.deletes(gone)
        scene.edits(noted, "// oops two")
        scene.locks(locked)
        scene.edits(other, "It is blue")
    await kept_long_ago(stage)
    async with in_process(stage):
        await scene.marked(other, SENT)
        await scene.carried("after")
    assert scene.sent[0] == "It is blue" and len(scene.sent) == 2
    assert reads(stage, other) == 1
