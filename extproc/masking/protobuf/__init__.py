"""Protocol buffers and gRPC frames, masked."""
