"""Scan a store: find its layout, determine its profile, run the checks, and recover if a worker dies."""
