"""Changes of the schema, in order; the newest equals the metadata."""
