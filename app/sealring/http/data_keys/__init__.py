"""The routes of data keys."""
