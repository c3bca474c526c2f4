"""Ada's signatures, which are Svix's: what is genuine, and what is not, however it is malformed."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from svix.webhooks import Webhook as Signer

from bridge.adapter import Webhook
from bridge.errors import NotAuthentic
from tests import signing
from tests.vendors import ADA_SECRET, AT, body_of, genuine, make

ID = "msg_2testAdaBridge0001"

#: Svix's own, and one of ours over the fixture
VECTORS = {
    "svix": (
        "whsec_plJ3nmyCDGBKInavdOK15jsl",
        "msg_loFOjxBNrRLzqYUf",
        1731705121,
        b'{"event_type":"ping","data":{"success":true}}',
        "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    ),
    "ours": (
        "whsec_YnJpZGdlLXRlc3Qta2V5LTI0Ynl0ZXMh",
        "msg_2testAdaBridge0001",
        1764590400,
        body_of("ada", "handoff-ended"),
        "v1,EaUdX4DmnpGmzdVl1XfGIiEyAINOYgn4V2RuaPO4VGc=",
    ),
}


def vector(name: str, family: str = "svix", **changes: Any) -> tuple[Any, Webhook]:
    secret, id, stamp, body, signature = VECTORS[name]
    told: dict[str, Any] = {"id": id, "timestamp": str(stamp), "signature": signature, "at": 0, "body": body}
    told |= changes
    headers = {f"{family}-{header}": told[header] for header in ("id", "timestamp", "signature")}
    at = datetime.fromtimestamp(stamp, UTC) + timedelta(seconds=told["at"])
    return make("ada", secrets={"webhook_secret": (secret,)}), Webhook("", headers, told["body"], at)


@pytest.mark.parametrize("family", ["svix", "webhook"])
@pytest.mark.parametrize("name", VECTORS)
def test_published_vectors(name: str, family: str) -> None:
    ada, webhook = vector(name, family)

    assert ada.receive(webhook).key == VECTORS[name][1]


GOOD = VECTORS["svix"][4]


@pytest.mark.parametrize("at", [-300, 300])
def test_five_minutes_either_way_are_accepted(at: int) -> None:
    ada, webhook = vector("svix", at=at)

    assert ada.receive(webhook).unread == ("untyped",)


@pytest.mark.parametrize(
    "signature",
    [
        f"v1,AAAA {GOOD}",
        f"{GOOD} v1a,{GOOD[3:]} v2,x",
        f"junk {GOOD} v1,not-base64! , v1,",
        f"  {GOOD}  ",
    ],
)
def test_one_good_signature_among_others_is_enough(signature: str) -> None:
    ada, webhook = vector("svix", signature=signature)

    assert ada.receive(webhook).key == "msg_loFOjxBNrRLzqYUf"


@pytest.mark.parametrize(
    "changes",
    [
        {"at": -301},
        {"at": 301},
        {"id": "msg_another"},
        {"id": ""},
        {"id": "msg_\ud800"},
        {"timestamp": "1731705122"},
        {"timestamp": "1731705121.0"},
        {"timestamp": "+1731705121"},
        {"timestamp": "１７３１７０５１２１"},
        {"timestamp": "9" * 5000},
        {"timestamp": "now"},
        {"timestamp": ""},
        {"signature": ""},
        {"signature": GOOD[3:]},
        {"signature": GOOD.replace("v1,", "v2,")},
        {"signature": GOOD.replace("=", "")},
        {"signature": GOOD.replace("D0=", "D1=")},  # the same bytes to a lenient base64
        {"signature": "v1,é"},
        {"signature": "v1"},
        {"body": VECTORS["svix"][3].replace(b"true", b"True")},
        {"body": b"\xff\xfe"},
        {"body": b""},
    ],
)
def test_what_is_not_authentic(changes: dict[str, Any]) -> None:
    ada, webhook = vector("svix", **changes)

    with pytest.raises(NotAuthentic):
        ada.receive(webhook)


@pytest.mark.parametrize("missing", ["svix-id", "svix-timestamp", "svix-signature"])
def test_a_missing_header_is_not_authentic(missing: str) -> None:
    webhook = genuine("ada", "message")
    headers = {name: value for name, value in webhook.headers.items() if name != missing}

    with pytest.raises(NotAuthentic):
        make("ada").receive(replace(webhook, headers=headers))


def test_either_secret_is_accepted_while_one_is_rotated() -> None:
    old = "whsec_" + base64.b64encode(b"the one before this one.").decode()
    ada, body = make("ada", secrets={"webhook_secret": (ADA_SECRET, old)}), body_of("ada", "message")
    at = AT["ada"]

    for secret in (ADA_SECRET, old):
        assert ada.receive(Webhook("", signing.ada(body, secret, at=at), body, at)).events
    both = signing.ada(body, ADA_SECRET, at=at)
    both["svix-signature"] += " " + Signer(old).sign(ID, at, body.decode())
    assert make("ada", secrets={"webhook_secret": (old,)}).receive(Webhook("", both, body, at)).events


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "whsec_ä"])
def test_what_cannot_sign_is_no_secret(secret: str) -> None:
    with pytest.raises(ValidationError, match="is no signing secret") as caught:
        make("ada", secrets={"webhook_secret": (secret,)})
    assert "input" not in str(caught.value)
