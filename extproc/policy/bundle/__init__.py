"""Read policy files, reload them, save the last good policy, and report the status."""
