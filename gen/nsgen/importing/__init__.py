"""What others describe networks by, as a topology: Compose files."""
