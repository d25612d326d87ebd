"""What an operator does with an installation, whatever calls it: set up, try out, back up, verify."""
