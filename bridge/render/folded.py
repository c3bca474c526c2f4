"""What was said before, in containers that open on request.

https://docs.slack.dev/reference/block-kit/blocks/container-block
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bridge.render.literal import Block, Element, plain
from bridge.render.pieces import Piece, flow


def folded(containers: Iterable[Element]) -> list[Piece]:
    """Rich text of any length, each piece of it folded; unfolded on the rung below."""
    return [replace(piece, blocks=(_container(piece.plainer),)) for piece in flow(containers)]


def _container(blocks: tuple[Block, ...]) -> Block:
    return {
        "type": "container",
        "title": plain("What was said before"),
        "is_collapsible": True,
        "default_collapsed": True,
        "child_blocks": list(blocks),
    }
