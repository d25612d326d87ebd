"""The keys that guard a context, and how data keys are wrapped and unwrapped under them."""
