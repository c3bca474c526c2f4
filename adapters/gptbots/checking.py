"""Whether GPTBots takes our key, whose it is, and whether its webhooks reach us: it probes them if asked."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from pydantic import SecretStr

from adapters.gptbots.api import API
from bridge.adapter import Finding, of_error, ok, same_secret, unknown, variable_for, word, wrong
from bridge.errors import DeliveryError

HANDOFF = "Agent settings > Human handoff > Webhook"
HOOKS = {"message": "the message webhook", "human_service": "the human service"}


async def check(
    api: API, source: str, address: str | None, bot_ids: Set[str], path_tokens: tuple[SecretStr, ...]
) -> tuple[Finding, ...]:
    key = variable_for(source, "api_key")
    found: list[Finding] = []
    try:
        found.append(_whose(await api.whose(), bot_ids, key))
        if address is None:
            return (*found, unknown("whether its webhooks reach us: our own address is not known"))
        results = await api.probe()
    except DeliveryError as error:
        return (*found, of_error(error))
    if results is None:
        return (*found, unknown("whether its webhooks reach us: the answer to webhook/check cannot be read"))
    ours = [one for one in results if str(one.get("webhook_url")).startswith(f"{address}/")]
    if not any(one.get("type") == "human_service" for one in ours):
        token = variable_for(source, "path_token")
        remedy = f"{HANDOFF}: enter {address}/<{token}>"
        found.append(wrong("no human service of the Agent's has our address", remedy=remedy))
    found += [_reached(one, address, source, path_tokens) for one in ours]
    return tuple(dict.fromkeys(found))  # of one webhook, each kind of call is probed


def _whose(agent: str | None, bot_ids: Set[str], key: str) -> Finding:
    if agent is None:
        return unknown("GPTBots takes the API key, but not whose it is can be read from its answer", key)
    if agent not in bot_ids:
        remedy = f"Set bot_ids to it, or {key} to the key of an Agent that bot_ids names"
        return wrong(
            f"the API key is that of the Agent {agent}, which bot_ids does not name", key, remedy=remedy
        )
    return ok("GPTBots takes the API key, which is that of an Agent in bot_ids", key)


def _reached(
    result: Mapping[str, Any], address: str, source: str, path_tokens: tuple[SecretStr, ...]
) -> Finding:
    """The webhook's own address holds the path token, and is not told."""
    kind = str(result.get("type"))
    name, status = HOOKS.get(kind, kind), word(result.get("http_status")) or "nothing"
    if result.get("reachable") is True:
        return ok(f"{name} reaches us")
    if kind == "human_service":
        token = str(result.get("webhook_url")).removeprefix(f"{address}/").partition("/")[0]
        variable = variable_for(source, "path_token")
        if not same_secret(token, path_tokens):
            what = f"the address of {name} has another token than {variable}"
            return wrong(what, remedy=f"{HANDOFF}: enter {address}/<{variable}>")
    remedy = (
        f"See what the bridge logged; a 401 is about {variable_for(source, 'webhook_token')}, or about the "
        "API key that GPTBots sends"
    )
    return wrong(f"{name} does not reach us: it was answered {status}", remedy=remedy)
