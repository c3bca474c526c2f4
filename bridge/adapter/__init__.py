"""The port: what a vendor adapter is, and the optional things it can do.

An adapter is a folder under `adapters/` (or a package of somebody else's, found through the
entry-point group `bridge.adapters`). It imports this module, `model` and `errors`, never Slack, the
store or the engine. `tests/contract` holds what every adapter is held to.
"""

from bridge.adapter.checking import Finding, Standing, of_error, ok, unknown, warning, wrong
from bridge.adapter.port import (
    Adapter,
    Capabilities,
    Checkable,
    FileRules,
    FindsReplies,
    HandsBack,
    Limit,
    Limited,
    Previews,
    Received,
    Reopens,
    Replays,
    Resolves,
    ResolvesFiles,
    Secrets,
    Settings,
    SpeaksAsCustomer,
    TakesFiles,
    TakesOver,
    TellsHistory,
    Upload,
    Webhook,
)
from bridge.adapter.reading import Unreadable, address, mapping, mappings, moment, scalars, unread_in, word
from bridge.adapter.secrets import same_secret, token_of, variable_for
from bridge.adapter.sending import answer_of, call, date_of, failure, noting, reply_text

__all__ = [
    "Adapter",
    "Capabilities",
    "Checkable",
    "FileRules",
    "Finding",
    "FindsReplies",
    "HandsBack",
    "Limit",
    "Limited",
    "Previews",
    "Received",
    "Reopens",
    "Replays",
    "Resolves",
    "ResolvesFiles",
    "Secrets",
    "Settings",
    "SpeaksAsCustomer",
    "Standing",
    "TakesFiles",
    "TakesOver",
    "TellsHistory",
    "Unreadable",
    "Upload",
    "Webhook",
    "address",
    "answer_of",
    "call",
    "date_of",
    "failure",
    "mapping",
    "mappings",
    "moment",
    "noting",
    "of_error",
    "ok",
    "reply_text",
    "same_secret",
    "scalars",
    "token_of",
    "unknown",
    "unread_in",
    "variable_for",
    "warning",
    "word",
    "wrong",
]
