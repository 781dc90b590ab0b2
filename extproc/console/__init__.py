"""Pages and API for approvers and analysts."""
