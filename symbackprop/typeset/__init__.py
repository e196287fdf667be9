"""Typesetting: one tree of typographic nodes (`tree`) and the writers that print it (`latex`, `mathml`)."""
