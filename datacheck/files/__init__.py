"""Files on disk: how what datacheck writes gets there safely, and how what it did not write is opened safely."""
