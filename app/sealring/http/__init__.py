"""The JSON routes, by noun: the only user of Flask."""
