"""Who may do what: users and their roles, sessions, write keys, and the log of what was changed."""
