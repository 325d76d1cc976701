"""The proof that no client sees another: every method, every identity, every shape of request.

How long an answer takes is out of scope: what is known of it is said where secrets are compared.
"""
