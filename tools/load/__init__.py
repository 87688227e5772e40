"""A thousand people at once on the site as it runs in production: how long they wait, and whether anything fails."""
