"""One YAML file in, frozen settings out."""
