import numpy as np


def differences(loss, params, most=50, step=6e-6):
    """{% trans %}For each parameter at most so many of its entries, and the central difference of the loss there.{% endtrans %}"""
    drawn = np.random.default_rng(0)
    for name, value in params.items():
        entries = list(np.ndindex(value.shape))
        chosen = [entries[n] for n in sorted(drawn.permutation(len(entries))[:most])]
        measured = []
        for at in chosen:
            ahead, behind = value.copy(), value.copy()
            ahead[at] += step
            behind[at] -= step
            measured.append((loss({**params, name: ahead}) - loss({**params, name: behind})) / (2 * step))
        yield name, chosen, np.array(measured)
