"""What only several records together can get wrong: a module for each part of the language."""
