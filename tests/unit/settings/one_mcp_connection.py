"""A file with one MCP connection, to which tests add settings."""

from pathlib import Path

from extproc.config.load import load_settings

FILE = """version: 1
identity: {providers: {corp: {issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}
connections:
  docs:
    protocol: mcp
    hosts: [docs.test]
    upstream: {address: "127.0.0.1:9000"}
    tools: [search]
"""


def load(folder: Path, text: str):
    """Load the one connection of a file with this text."""
    (folder / "extproc.yaml").write_text(text)
    (connection,) = load_settings(folder / "extproc.yaml").connections.values()
    return connection
