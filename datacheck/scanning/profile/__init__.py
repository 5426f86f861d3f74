"""Determine what a store should hold from a sample of its records."""
