"""The configuration: load one YAML file into frozen settings, explain its errors, summarize it."""
