"""Files fetched from addresses that vendors name: only from the public internet, and only what was promised.

A client of its own, since an address may be anybody's: no cookies, no credentials, no proxy, no redirect
that is not looked at first.
"""

from bridge.media.fetch import Fetched, Fetcher

__all__ = ["Fetched", "Fetcher"]
