"""Modules that are put among Django's own tests and run there."""
