"""Sound and video: their containers are walked, the checksums in them verified; samples are not decoded."""
