"""What this machine is, and whether vistream works on it."""
