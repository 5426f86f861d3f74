"""Values that a project keeps beside its records: read them, and rewrite them without losing anything."""
