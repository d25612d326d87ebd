"""The routes of health."""
