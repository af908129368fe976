"""All that a node author may import: node types, the wave, fields, findings and the registry."""
