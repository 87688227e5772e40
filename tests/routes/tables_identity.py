"""Who gets what of identity, as in tables.py."""

IDENTITY = """
route                                    method  nobody   charlie  bob      alice    operator revoked
"""
