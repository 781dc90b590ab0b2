"""Streams of language models: texts that come in deltas, spread over many events."""
