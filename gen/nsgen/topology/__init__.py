"""What a topology is once it is resolved: every default dealt, every name looked up."""
