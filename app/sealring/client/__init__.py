"""A client of a running server, for the commands of users. It imports nothing else of sealring."""
