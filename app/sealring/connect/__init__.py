"""vault.v1 over Connect (https://connectrpc.com/docs/protocol): unary calls in proto and JSON, on the same services."""
