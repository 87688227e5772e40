"""What the bench row `fanout` runs beside the site: a publisher, five hundred clients, and a broadcast with nothing in it."""
