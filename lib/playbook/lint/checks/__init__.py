"""What TensorFlow Serving makes of a command line and all it leads to: flags, config files, folders, containers."""
