"""What an agent wrote in a thread becomes a reply for the customer, a note that stays in, or a command."""

from bridge.compose.attachments import content
from bridge.compose.commands import ACTS, WORDS, Command, Unclear, command
from bridge.compose.draft import Draft, Note, ReplyDraft, compose
from bridge.compose.names import Mentions, Names, mentioned
from bridge.compose.runs import Unsendable
from bridge.compose.split import split_text

__all__ = [
    "ACTS",
    "WORDS",
    "Command",
    "Draft",
    "Mentions",
    "Names",
    "Note",
    "ReplyDraft",
    "Unclear",
    "Unsendable",
    "command",
    "compose",
    "content",
    "mentioned",
    "split_text",
]
