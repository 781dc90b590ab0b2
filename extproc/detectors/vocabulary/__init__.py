"""Words that say what a value is, in many languages, and the names that contain them."""
