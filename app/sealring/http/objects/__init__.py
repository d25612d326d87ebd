"""The routes of objects."""
