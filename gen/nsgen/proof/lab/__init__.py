"""A private copy of a host, in which a script is tried before it runs, and asked."""
