"""Tokens, keys and secrets whose issuer gives them a form of their own: one row each, by kind of service."""
