"""Pages for people: an administrator of a customer connects a key, and sees and stops its use."""
