"""How people are told: their choices and hours, the ways to reach them, and a row for each thing that is sent."""
