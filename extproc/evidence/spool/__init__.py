"""The worker's durable log: the spool, its file, its journal and its readers."""
