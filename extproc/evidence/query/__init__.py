"""Reading evidence: sessions, entries, and analysts' own SQL."""
