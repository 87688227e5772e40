"""Watch lists and price alerts at the doors: their pages, their API and how they read. All of it is its owner's alone."""
