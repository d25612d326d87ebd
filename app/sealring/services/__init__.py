"""One public method for each use case. Each decides at its end whether its answer may leave."""
