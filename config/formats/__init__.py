"""How Django writes dates where a template does not say otherwise: the admin."""
