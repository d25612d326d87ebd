"""From a request to an admitted one, for any front. Whether an answer may leave is decided in services/."""
