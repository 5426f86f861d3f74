"""Write files safely, and open files that datacheck did not write safely."""
