"""Contacts, accounts and events: upsert, merge, erase, import, export, ingest."""
