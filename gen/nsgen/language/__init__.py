"""The topology language: what can be written, and how it is read."""
