"""Who gets what of alice's shared portfolio and her workspace; columns: a viewer, a trader, one it is lent to, one removed."""

MEMBERS = """
route method viewer trader lent removed
"""
