"""The variables by which the test tells the server of the suite what it needs."""

DESCRIPTORS = "CONFORMANCE_DESCRIPTORS"  # the path of the messages' descriptors
LIMIT = "CONFORMANCE_LIMIT"  # bytes of a message
WORKER = "CONFORMANCE_WORKER"  # the kind
