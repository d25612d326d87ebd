"""The keys and bytes of stored records."""
