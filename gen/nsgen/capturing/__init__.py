"""What the kernel says of a machine, as the text of a topology."""
