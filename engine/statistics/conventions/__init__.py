"""The figures of a series of returns as other libraries give them, so that a user can compare like with like.

Each module reproduces one convention from its rules alone; where they differ is said in each function.
"""
