"""Waves by ways that are known beforehand: from rest to rest without going node by node (ADR 0013)."""
