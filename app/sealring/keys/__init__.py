"""What a key means here: which keys guard a context, and how data keys are wrapped and unwrapped by them."""
