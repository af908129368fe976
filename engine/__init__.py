"""The engine: flows, contacts, waves and messages; knows no web."""
