"""Show what is in a store: one record with its fields, or the store as a whole. Neither is a scan.

`machine` says what the machine lets datacheck do, also where libraries are broken: nothing is imported here.
"""
