"""JSON documents: scanned and masked."""
