"""Our clock against those of everybody who answered: what is signed is refused when it looks old."""

from __future__ import annotations

from urllib.parse import urlsplit

from bridge.adapter import Finding, ok, unknown, warning, wrong
from bridge.doctor.case import Case

#: Slack's and Svix's signatures are good for five minutes.
#: https://docs.slack.dev/authentication/verifying-requests-from-slack
REFUSED = 300.0
NOTABLE = 60.0
_REMEDY = "Let this machine keep its clock by NTP"


def check(case: Case) -> tuple[Finding, ...]:
    """By the `Date` of what was answered elsewhere; our own address would only tell our own clock."""
    own = urlsplit(case.public_url or "").netloc
    found = {host: skew for host, skew in case.skews.items() if host != own}
    if not found:
        return (unknown("nobody told the time", remedy=_REMEDY),)
    host, skew = min(found.items(), key=lambda one: abs(one[1]))
    told = f"it is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} {host}"
    if abs(skew) >= REFUSED:
        return (wrong(f"{told}: what is signed is refused as too old", remedy=_REMEDY),)
    if abs(skew) >= NOTABLE:
        return (warning(f"{told}; by five minutes, what is signed is refused", remedy=_REMEDY),)
    return (ok(told),)
