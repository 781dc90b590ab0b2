"""The story that make demo plays on real traffic."""
