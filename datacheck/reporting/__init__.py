"""Make reports from tallies, and files, text and advice from reports."""
