"""The command line: it alone reads arguments, opens files, prints, and says with which status nsgen ends."""
