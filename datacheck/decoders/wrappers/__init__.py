"""Wrappers around payloads: compressed, or written as text. They are peeled before anything else is looked at."""
