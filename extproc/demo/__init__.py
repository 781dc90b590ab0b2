"""The demo: a whole installation on one machine, and a short story played on it. All its data is made up."""
