"""Adjutant's services, and what they share."""
