"""The protocols of function calls: one folder each, and a catalogue that lists them."""
