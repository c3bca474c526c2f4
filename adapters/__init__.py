"""One folder a vendor: its webhooks in, its API out, its quirks written down."""
