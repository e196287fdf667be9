"""One loss-and-all-gradients call, ours and everybody else's, in one run: `python -m benchmarks.speed`, from the checkout."""
