"""Slack's two edges: Bolt's listeners in, the Web API out."""
