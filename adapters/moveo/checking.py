"""Whether Moveo takes our key. Nothing there can be read, so that is all that can be asked.

docs.moveo.ai/api/custom-integration/custom-integration-inbound-overview lists every call there is.
"""

from __future__ import annotations

from adapters.moveo.api import API
from bridge.adapter import Finding, of_error, ok, unknown, variable_for
from bridge.errors import DeliveryError, Rejected
from bridge.model import ConversationKey

NOBODYS = "00000000-0000-4000-8000-000000000000"


async def check(api: API, source: str, address: str | None) -> tuple[Finding, ...]:
    key = variable_for(source, "api_key")
    try:
        await api.knock(ConversationKey(source=source, id=NOBODYS))
    except DeliveryError as error:
        if isinstance(error, Rejected) and key not in error.remedy:
            error.remedy = "Check base_url and integration_id"
        return (of_error(error),)
    return (
        ok("Moveo does not refuse the API key", key),
        unknown(
            "integration_id, the webhook's address and its secret: Moveo has no call that tells them",
            remedy=f"Compare Connections > Custom HTTP with integration_id, {address or '…'} and "
            f"{variable_for(source, 'webhook_secret')}",
        ),
    )
