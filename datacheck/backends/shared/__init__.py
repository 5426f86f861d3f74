"""Code that the readers of several stores share."""
