"""Compare the files of a folder with each other, and with what lies beside them."""
