"""What following costs and brings: profit shares, the gap to the lead, re-runs of what a lead did, and measured performance."""
