"""Where somebody is logged in: each session with its device and place, and the ways to end them."""
