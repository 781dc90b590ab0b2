"""A whole installation on one machine, and a short story played on it. Every value in it is made up."""
