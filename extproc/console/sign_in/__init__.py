"""Sign-in to the console's pages: sessions, OpenID Connect, one-time links, and what guards every page.

The API uses none of it: its callers send bearer tokens.
"""
