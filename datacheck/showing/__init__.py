"""Show what is in a store: one record with its fields, or the store as a whole. Neither is a scan."""

from datacheck.showing.record import Record, Showing, show_record

__all__ = ["Record", "Showing", "show_record"]
