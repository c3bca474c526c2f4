"""How a conversation stands when a reply is written, and what its author is then offered."""

from __future__ import annotations

from bridge.sandbox.stage import Stage
from tests.bridge.scene import Scene, waiting
from tests.handoffs.ways import named

TAKE_OVER, ONCE, REOPEN, SEND, WITHOUT, NOTE = (
    f"held-{one}" for one in ("take_over", "once", "reopen", "send", "without", "note")
)
#: what is told of a question that was answered
DECIDED = "There is nothing to decide here any more."
NO_TAKE_OVER = {
    "ada": "Ada hands a conversation over only in its own Handoff flow",
    "gptbots": "GPTBots hands a conversation over only by itself",
}
NO_REOPEN = {
    "ada": "Ada has no call that reopens a conversation",
    "gptbots": "GPTBots has no call that reopens a session",
}


def ends(scene: Scene) -> None:
    """It is over for the vendor: for GPTBots its human session, for Moveo until it is reopened."""
    if scene.vendor is scene.stage.ada:
        scene.stage.ada.end(scene.talk)
    elif scene.vendor is scene.stage.gptbots:
        scene.stage.gptbots.end_handoff(scene.talk)
    else:
        scene.stage.moveo.resolve(scene.stage.moveo.conversations[scene.talk])


async def closed(stage: Stage, name: str) -> Scene:
    """The customer had waited for a human."""
    scene = await waiting(stage, named(stage, name))
    ends(scene)
    await scene.stands("closed")
    return scene


async def owned(stage: Stage, name: str) -> Scene:
    """Jo has the customer."""
    scene = await waiting(stage, named(stage, name))
    scene.writes("!claim", user="U0JO")
    await scene.stands("Jo has the conversation")
    return scene
