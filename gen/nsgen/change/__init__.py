"""What `up` of one topology does over another one that is up: told, and rehearsed."""
