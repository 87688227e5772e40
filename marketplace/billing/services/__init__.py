"""Every write about money that the payment processor moves."""
