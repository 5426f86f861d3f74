"""What lies in a store, to be looked at: one record with its fields, or the store as a whole. Neither is a scan."""

from datacheck.showing.record import Record, show_record

__all__ = ["Record", "show_record"]
