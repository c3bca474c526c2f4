"""What an agent wrote in a thread becomes a reply for the customer, or a note that stays in."""

from bridge.compose.draft import Draft, Note, ReplyDraft, compose
from bridge.compose.names import Mentions, Names, mentioned
from bridge.compose.split import split_text

__all__ = ["Draft", "Mentions", "Names", "Note", "ReplyDraft", "compose", "mentioned", "split_text"]
