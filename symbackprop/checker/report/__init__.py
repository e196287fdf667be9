"""What a check found, shown: on a terminal, as a page, as data, and as other programs want to read it."""
