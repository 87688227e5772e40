"""What the API's numbers are measured with: the site behind gunicorn, with two hand-made views beside it."""
