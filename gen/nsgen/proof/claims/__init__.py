"""What a topology claims: who is answered by whom, and who by nobody."""
