"""What is done to build a topology: operations, in order, each with its reason."""
