"""Typesetting: one tree of typographic nodes (`tree`), how much room it takes (`widths`, `heights`), and the writers (`latex`, `mathml`, `typst`)."""
