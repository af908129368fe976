"""Who may do what: write keys."""
