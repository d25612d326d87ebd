"""The keys and the bytes of what is stored."""
