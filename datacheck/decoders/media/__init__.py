"""Check sound and video files: walk their containers and verify the checksums in them, without decoding samples."""
