"""The route that says what became of a write."""
