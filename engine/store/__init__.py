"""The store: tables, sessions, dialects and migrations."""
