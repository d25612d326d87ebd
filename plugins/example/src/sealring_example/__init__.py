"""An example of a key provider. Each needs spec, wrap, client and errors; for the portal, setup.

kms is the toy KMS that this one asks.
"""
