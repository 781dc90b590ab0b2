"""Envoy's messages to our model and back; only an encode that takes a Permit lets traffic go."""
