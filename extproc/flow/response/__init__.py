"""The response: decided, masked and released."""
