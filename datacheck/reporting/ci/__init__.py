"""Reports for what runs in continuous integration: bounded as their readers are, and saying how much there is."""
