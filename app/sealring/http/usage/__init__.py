"""Usage: what an organization stores, and its limits."""
