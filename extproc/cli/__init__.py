"""The command line. A command imports the modules for its work when it runs, so that --help is quick."""
