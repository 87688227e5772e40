"""Who gets what of that which programs read before they ask anything; read by tables.py."""

CLIENTS = """
route                                    method  nobody   charlie  bob      alice    operator revoked
asyncapi                                 GET     200      200      200      200      200      200
"""
