"""Tools around the product: installing it, services for its tests, benches. Nothing that runs the site imports them."""
