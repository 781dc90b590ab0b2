"""The composition root: settings in, services out. Runs nothing; imports every part below the servers."""
