"""The only caller of plugins. The providers themselves are plugins, in plugins/."""
