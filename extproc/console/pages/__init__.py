"""The console's pages, for approvers with a browser. They work without JavaScript, and better with it."""
