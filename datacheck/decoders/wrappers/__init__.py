"""Unpack wrappers around payloads, such as compression or base64. They are removed before payloads are recognised."""
