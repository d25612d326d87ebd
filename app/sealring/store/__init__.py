"""The only user of Redis: an adapter for each protocol of domain/ports.py."""
