"""The proof: a script in a private copy of a host, and what is to be answered there."""
