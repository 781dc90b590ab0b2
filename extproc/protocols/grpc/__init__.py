"""gRPC methods as functions."""
