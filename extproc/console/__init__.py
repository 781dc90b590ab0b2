"""The HTTP API for approvers and analysts, its client, and printing that cannot steer a terminal."""
