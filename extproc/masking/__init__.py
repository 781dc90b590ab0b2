"""Find and rewrite by plan. Bytes outside masked spans stay identical."""
