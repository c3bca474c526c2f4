"""The tour's first steps: what customers and AI agents say, and webhooks that are forged or repeated."""

from __future__ import annotations

import httpx

from bridge.sandbox.trip import CUSTOMER, Trip, expect, once


async def opens(trip: Trip) -> str:
    trip.conversation = trip.vendor.open(CUSTOMER)
    trip.says(f"Where is order {trip.order}?")
    trip.thread = await trip.seen.thread(trip.ways.channel, f"Parcel {trip.order}")
    await trip.shows(trip.ways.ai, f"Parcel {trip.order}")
    if "bot" in trip.ways.hears:
        await trip.shows(trip.customer, f"Where is order {trip.order}?")
    for told in (trip.ways.source, "the AI agent has the conversation"):
        await trip.seen.card(trip.thread, told)
    return f"the conversation is a thread in #{trip.ways.channel}, under its card"


async def rich_answer(trip: Trip) -> str:
    trip.says("Show me your products")
    await trip.shows(trip.ways.ai, *trip.ways.products)
    return f"{trip.ways.shape} of the AI agent's answer can be read"


async def forged(trip: Trip) -> str:
    """One byte changed: of what is signed, or of the token where nothing is."""
    parcel = f"Parcel {trip.order}".encode()
    real = trip.webhook(parcel.decode())
    headers = trip.ways.headers(trip.seen.stage.environ, real.id, real.body)
    body = real.body
    if trip.ways.signed:
        body = body.replace(parcel, parcel[:-1] + b"9")
    else:
        token = headers["authorization"]
        headers["authorization"] = token[:-1] + ("0" if token[-1] != "0" else "1")
    status = await post(real.url, body, headers)
    expect(status == "401", "401", status)
    return f"a webhook with one byte of its {'body' if trip.ways.signed else 'token'} changed is a 401"


async def repeated(trip: Trip) -> str:
    real = trip.webhook(f"Parcel {trip.order}")
    headers = trip.ways.headers(trip.seen.stage.environ, real.id, real.body)
    status = await post(real.url, real.body, headers)
    expect(status == "200", "200", status)
    trip.says(f"And order {trip.order + 1}?")  # its lane is in order: what is seen of this comes after
    await trip.shows(trip.ways.ai, f"Parcel {trip.order + 1}")
    once(trip.thread)
    expect(f"Parcel {trip.order // 10}9" not in trip.thread, "nothing of the forged webhook", trip.thread)
    return "a webhook that comes twice is shown once"


async def post(url: str, body: bytes, headers: dict[str, str]) -> str:
    """The status of the bridge's answer, or why there is none."""
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            answer = await http.post(
                url, content=body, headers={"content-type": "application/json", **headers}
            )
        except httpx.HTTPError as error:
            return type(error).__name__
    return str(answer.status_code)
