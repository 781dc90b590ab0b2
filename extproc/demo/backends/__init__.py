"""Two sample backends: a customer register over HTTP and JSON, and documents over MCP."""
