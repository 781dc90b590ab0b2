"""Notifications of approvals: what is told, the durable outbox, its delivery, and the messages of each service."""
