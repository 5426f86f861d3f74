"""Encoded pictures, decoded strictly."""
