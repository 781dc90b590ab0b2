"""One call from end to end. Read exchange.py first."""
