"""From tallies to reports, and from reports to files, text and advice."""
