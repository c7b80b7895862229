"""A topology's text: read, with files included, values merged, variables put in, and every place known."""
