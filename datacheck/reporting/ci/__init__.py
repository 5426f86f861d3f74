"""Reports for continuous integration, as limited as their readers; they say how many findings there are."""
