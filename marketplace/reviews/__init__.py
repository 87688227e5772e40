"""What those who followed say of a listing, what the lead answers, and what operators make of it."""
