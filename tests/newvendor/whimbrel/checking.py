"""Whether Whimbrel takes our key, and calls us where we are."""

from __future__ import annotations

from bridge.adapter import Finding, address, mapping, of_error, ok, unknown, variable_for, wrong
from bridge.errors import DeliveryError

from .api import API


async def check(api: API, source: str, ours: str | None) -> tuple[Finding, ...]:
    key, secret = variable_for(source, "api_key"), variable_for(source, "webhook_secret")
    try:
        account = await api.account()
    except DeliveryError as error:
        return (of_error(error),)
    taken = ok("Whimbrel takes the API key", key)
    remedy = f"Compare {secret} with Account > Webhook"
    kept = unknown("whether the webhook's secret is ours: Whimbrel has no call that tells", remedy=remedy)
    return (taken, _called(address(mapping(account.get("webhook")).get("url")), ours), kept)


def _called(theirs: str | None, ours: str | None) -> Finding:
    if ours is None:
        return unknown("whether its webhook is ours: our own address is not known")
    if theirs is None or theirs.rstrip("/") != ours.rstrip("/"):
        return wrong(
            "Whimbrel's webhook has another address, or none", ours, remedy="Account > Webhook: set it"
        )
    return ok("Whimbrel's webhook has our address", ours)
