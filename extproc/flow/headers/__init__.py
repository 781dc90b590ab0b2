"""Header and trailer fields: text and binary."""
