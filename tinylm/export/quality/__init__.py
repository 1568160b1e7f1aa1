"""What export costs in quality: the graph beside the module that was trained."""
