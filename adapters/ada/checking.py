"""Whether Ada takes our key, and whether one of its webhooks calls us with a secret that we know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from adapters.ada.api import API
from bridge.adapter import Finding, of_error, ok, same_secret, unknown, variable_for, warning, word, wrong
from bridge.errors import DeliveryError, Rejected
from bridge.model import ConversationKey

#: what is shown in a thread, and what moves it on; without `created`, a thread begins with the first message
NEEDED = ("v1.conversation.message", "v1.conversation.ended", "v1.conversation.handoff.ended")
NOBODYS = "000000000000000000000000"
WEBHOOKS = "Config > Platform > Webhooks"


async def check(
    api: API, source: str, address: str | None, secrets: tuple[SecretStr, ...]
) -> tuple[Finding, ...]:
    key, secret = variable_for(source, "api_key"), variable_for(source, "webhook_secret")
    try:
        await api.ask_for(ConversationKey(source=source, id=NOBODYS))
        hooks = [one async for one in api.hooks()]
    except DeliveryError as error:
        if isinstance(error, Rejected) and key not in error.remedy:
            error.remedy = "Check base_url: it is the instance's own, without /api"
        return (of_error(error),)
    found = [ok("Ada takes the API key, for webhooks and for conversations", key)]
    if address is None:
        found.append(unknown("which of its webhooks is ours: our own address is not known"))
    else:
        ours = [one for one in hooks if _same(one.get("url"), address)]
        found += [await _signed(api, ours[0], secrets, secret)] if ours else []
        found.append(_listed(ours, address))
    found.append(
        unknown(
            "whether the Handoff flow calls us: Ada has no call that tells",
            remedy=f"Compare its Request block with {address or '…'}/handoff, and its header with "
            f"{variable_for(source, 'handoff_token')}",
        )
    )
    return tuple(found)


def _listed(ours: list[Mapping[str, Any]], address: str) -> Finding:
    if not ours:
        return wrong("no webhook of Ada's has our address", address, remedy=f"{WEBHOOKS}: add it")
    if all(one.get("enabled") is False for one in ours):
        remedy = f"{WEBHOOKS}: enable it. Ada disables one whose deliveries all failed for a week"
        return wrong("the webhook is disabled", address, remedy=remedy)
    filters = [one.get("event_filters") or () for one in ours if one.get("enabled") is not False]
    missing = [one for one in NEEDED if all(told and one not in told for told in filters)]
    if missing:
        remedy = f"{WEBHOOKS}: choose them too"
        return warning(f"the webhook does not send {', '.join(missing)}", address, remedy=remedy)
    return ok("a webhook of Ada's calls us", address)


async def _signed(
    api: API, hook: Mapping[str, Any], secrets: tuple[SecretStr, ...], variable: str
) -> Finding:
    remedy = f"{WEBHOOKS}: copy the endpoint's signing secret"
    try:
        told = await api.secret(word(hook.get("id")) or "")
    except DeliveryError as error:
        return unknown(f"whether the webhook's secret is ours: {error.problem}", variable, remedy=remedy)
    if told is None:
        return unknown("whether the webhook's secret is ours: Ada did not tell it", variable, remedy=remedy)
    if same_secret(told, secrets) or same_secret(f"whsec_{told}", secrets):
        return ok("it is the secret that the webhook is signed with", variable)
    return wrong("the webhook is signed with another secret", variable, remedy=remedy)


def _same(url: object, address: str) -> bool:
    return isinstance(url, str) and url.rstrip("/").lower() == address.lower()
