"""The route for the outcome of a write."""
