"""Checks derivations that people wrote by hand: which line is the first wrong one, why, and a counterexample."""
