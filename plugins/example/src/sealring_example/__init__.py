"""An example of a key provider. Each needs spec, wrap, client and errors; kms is the toy KMS that this one asks."""
