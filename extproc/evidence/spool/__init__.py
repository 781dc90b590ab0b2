"""The spool: a worker's durable log, its queue journal, its crash file, and its readers."""
