"""The command line on another machine than the console: sign-in, the stored session, and addresses it may use."""
