"""Finding out whether a store keeps what sealring relies on."""
