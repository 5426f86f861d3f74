"""Scan a store: layout, profile, checks, and what follows a death."""
