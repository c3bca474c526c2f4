"""config.toml and the environment become frozen settings, or one error that names every fault.

The file holds what may be read by anyone; secrets and what a platform sets come from the environment
only: `SLACK_BOT_TOKEN`, `SLACK_SIGNING_SECRET`, `SLACK_APP_TOKEN`, `DATABASE_URL`, `PORT`, for the workspace
`emea` `EMEA_SLACK_BOT_TOKEN` and so on, and for the source `acme-ada` the variables `ACME_ADA_*` that its
vendor's adapter asks for.
"""

from bridge.config.loading import Config, Source, load, public_url
from bridge.config.route import Match, Mirror, ReplyMode, Route
from bridge.config.sections import Engine, Media, Retry, Section, Server, Slack, Store
from bridge.config.workspace import MAIN, Workspace

__all__ = [
    "MAIN",
    "Config",
    "Engine",
    "Match",
    "Media",
    "Mirror",
    "ReplyMode",
    "Retry",
    "Route",
    "Section",
    "Server",
    "Slack",
    "Source",
    "Store",
    "Workspace",
    "load",
    "public_url",
]
