"""Documents: blocks of prose, equations and derivations, proved, and written through templates."""
