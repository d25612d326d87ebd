"""The routes of keyrings."""
