"""From a network's equations to programs: an array program, printed as a module for NumPy, run as a function."""
