"""What blocks say, in plain words: the `text` of a message, for notifications and the last rung."""

from __future__ import annotations

from bridge.render.literal import Block, Element


def said(blocks: tuple[Block, ...]) -> str:
    return "\n".join(filter(None, (_block(block).strip("\n") for block in blocks)))


def container(element: Element) -> str:
    """One part of a rich_text block."""
    inside = element["elements"]
    match element["type"]:
        case "rich_text_list":
            first = 1 + element.get("offset", 0)
            pad = "    " * element.get("indent", 0)
            marks = [
                f"{n}. " if element["style"] == "ordered" else "• " for n in range(first, first + len(inside))
            ]
            return "\n".join(pad + mark + _inline(item) for mark, item in zip(marks, inside, strict=True))
        case "rich_text_quote":
            return "> " + _inline(element).replace("\n", "\n> ")
    return _inline(element)


def _block(block: Block) -> str:
    match block["type"]:
        case "rich_text":
            return "\n".join(container(one).rstrip("\n") for one in block["elements"])
        case "context":
            return " ".join(one["text"] for one in block["elements"])
    raise ValueError(f"no words for a {block['type']} block; give its piece plainer blocks")


def _inline(element: Element) -> str:
    return "".join(inline(one) for one in element["elements"])


def inline(element: Element) -> str:
    """One text, link, date or emoji."""
    match element["type"]:
        case "link":
            label, url = element.get("text"), element["url"]
            return f"{label} ({url})" if label else str(url)
        case "date":
            return str(element["fallback"])
        case "emoji":
            return f":{element['name']}:"
        case "user" | "usergroup":
            return ""  # in text it would be an id, or ping once more
    return str(element["text"])
