"""Which function is this, and where is its text: one module per protocol."""
