"""What is printed: a plan as shell scripts, and the other files of a topology."""
