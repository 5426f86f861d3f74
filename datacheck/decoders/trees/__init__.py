"""Decode payloads that are trees: containers of arrays, numbers, texts and bytes, in any format."""
