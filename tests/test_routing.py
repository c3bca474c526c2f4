"""The first route that fits is taken."""

from __future__ import annotations

import pytest

from bridge.config import Match, Route
from bridge.routing import choose

ROUTES = (
    Route(match=Match(source=("acme-*",), language=("fr", "fr-*")), channel="CFRENCH"),
    Route(match=Match(vendor=("moveo",)), channel="CMOVEO"),
    Route(match=Match(customer_channel=("WhatsApp",)), channel="CWHATSAPP"),
    Route(channel="CREST"),
)


@pytest.mark.parametrize(
    ("told", "channel"),
    [
        ({"source": "acme-ada", "vendor": "ada", "language": "fr-CA"}, "CFRENCH"),
        ({"source": "acme-ada", "vendor": "ada", "language": "FR"}, "CFRENCH"),
        ({"source": "other", "vendor": "ada", "language": "fr"}, "CREST"),
        ({"source": "acme-ada", "vendor": "ada"}, "CREST"),
        ({"source": "acme-moveo", "vendor": "moveo", "language": "en"}, "CMOVEO"),
        ({"source": "x", "vendor": "ada", "customer_channel": "whatsapp"}, "CWHATSAPP"),
    ],
)
def test_the_first_that_fits(told: dict[str, str], channel: str) -> None:
    assert choose(ROUTES, **told).channel == channel  # type: ignore[arg-type]
