"""From a request to an admitted one, for any front. Each use case of services/ decides if its answer may leave."""
