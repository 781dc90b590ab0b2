"""The sections of the configuration file, one module each. ``extproc.config`` makes the whole file of them."""
