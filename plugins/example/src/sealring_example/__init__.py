"""An example of a key provider for sealring, and the toy KMS that it talks to."""
