"""What things cost, measured; results are data."""
