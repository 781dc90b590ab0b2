"""Approvals: requests to release one exact call, decided by people."""
