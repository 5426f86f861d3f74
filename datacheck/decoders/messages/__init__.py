"""Decode protobuf and Arrow messages; recognition is strict, because nearly any bytes are some valid message."""
