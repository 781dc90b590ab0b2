"""Plain text, whole or streamed, masked."""
