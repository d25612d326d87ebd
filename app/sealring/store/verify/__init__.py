"""Finding what is damaged in a store."""
