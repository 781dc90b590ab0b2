"""Reading evidence: sessions, entries, and the SQL of analysts."""
