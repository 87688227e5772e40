"""What people may ask about their data."""
