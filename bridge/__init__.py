"""Slack Handoff Bridge: AI-agent conversations as Slack threads, and people's replies carried back."""

__version__ = "0.1.0"
