"""The portal: its route for applications."""
