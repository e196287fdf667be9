"""The fast form: the same program as instructions over arrays that are allocated once."""
