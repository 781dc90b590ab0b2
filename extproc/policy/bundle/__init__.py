"""Policy files: read, reloaded, the last good one, and their status."""
