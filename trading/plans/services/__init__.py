"""The writes of plans: begin, pause, resume, stop, and the step that fills and the clock set off."""
