"""Two sample backends: a customer register over HTTP with JSON, and documents over MCP."""
