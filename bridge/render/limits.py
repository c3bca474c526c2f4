"""Slack's limits on what we post, in one table. Sandbox and tests keep their own, on purpose.

Characters unless it says otherwise; a name without an address follows the one above it.
"""

# https://docs.slack.dev/reference/methods/chat.postMessage: longer text may be cut, chat.update refuses it
TEXT = 4000
# https://docs.slack.dev/reference/block-kit/blocks
BLOCKS = 50
VIEW_BLOCKS = 100
# https://docs.slack.dev/reference/methods/views.publish: bytes, or else `view_too_large`
VIEW = 250_000
# https://docs.slack.dev/reference/block-kit/composition-objects/text-object
TEXT_OBJECT = 3000
# https://docs.slack.dev/reference/block-kit/blocks/image-block
ADDRESS = 3000
# https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
INDENT = 8
# https://docs.slack.dev/reference/block-kit/block-elements/button-element
BUTTON = 75
VALUE = 2000
# https://docs.slack.dev/reference/block-kit/blocks/actions-block
ACTIONS = 25
# https://docs.slack.dev/reference/block-kit/blocks/card-block
CARD_TITLE = 150
CARD_SUBTITLE = 150
CARD_BODY = 200
CARD_BUTTONS = 3
# https://docs.slack.dev/reference/block-kit/blocks/carousel-block
CAROUSEL_CARDS = 10
# https://docs.slack.dev/reference/block-kit/blocks/table-block; more than one a message is not documented
TABLE_ROWS = 100
TABLE_COLUMNS = 20
TABLES = 1
# https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
CHART_AXIS = 50
# https://docs.slack.dev/reference/block-kit/blocks/alert-block
ALERT = 200
# https://docs.slack.dev/reference/methods/agents.sessions.setStatus has 200; here no figure is given
USERNAME = 80

# ── our own, inside those ────────────────────────────────────────────────────────────────────────

#: escaped characters of one message, so that its last rung has room for the author's name
MESSAGE = 3500
#: a label, a name or a value, cut with a visible "…" past it
LABEL = 150
#: why somebody is wanted, and what the customer said last
REASON = 300
#: why something was not done
PROBLEM = 1000
LAST_WORDS = 300
#: what the customer was told stands in the alert up to this, escaped
TOLD = 1000
#: buttons with what a customer may choose, in one message
CHOICES = 250
#: text longer than this is not read as Markdown
MARKDOWN = 20_000
#: with more cells than this in a text, its tables are shown as the lines that were written
TABLE_CELLS = 4000
#: how wide a table's column is padded where the table is shown as text
COLUMN = 40
#: rows the card shows of what else the vendor said
CARD_DETAILS = 15
