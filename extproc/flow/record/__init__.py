"""The record of a call: its entries, its intent and its end."""
