"""Slack: its messages, its Web API, and what its clicks say."""
