"""vistream."""
