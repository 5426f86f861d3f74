"""The conventions of single projects and loaders, a module for each."""
