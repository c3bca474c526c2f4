"""The workspace that `bridge demo` runs on: a Slack and three vendors on loopback."""
