"""Plain text: its entities, and beginnings of JSON in it."""
