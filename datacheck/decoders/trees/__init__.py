"""Payloads that are trees: containers of arrays, numbers, texts and bytes, whatever format holds them."""
