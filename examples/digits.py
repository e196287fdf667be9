"""Handwritten digits by plain gradient descent, from an emitted NumPy file alone.

    python examples/digits.py [--epochs 40] [--seed 0] [-o output]

symbackprop is asked once, for `digits_gradients.py`; what trains the 64-30-10 network afterwards is that file, NumPy and the
few lines of `train`. Needs the extra `examples`: scikit-learn for the data, matplotlib for the picture.
"""

from __future__ import annotations

import argparse
import runpy
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

SIZES = (64, 30, 10)
BATCH = 32
RATE = 0.5


@dataclass(frozen=True)
class Data:
    """Images as rows, targets one-hot."""

    X: Any
    Y: Any
    X_test: Any
    Y_test: Any


@dataclass(frozen=True)
class History:
    """The loss on both sets and the accuracy on the test set, before training and after every epoch."""

    loss: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)


def write_gradients(path: Path) -> None:
    """The network's loss and gradients as a module that needs nothing but NumPy."""
    import symbackprop as sb

    net = sb.mlp(SIZES, activation="sigmoid", output="softmax", loss="cross_entropy", samples="m", name="digits")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(sb.compile(net).source, encoding="utf-8")


def load_data(rng: np.random.Generator) -> Data:
    """1797 images of 8 x 8 grey values from 0 to 1, a fifth of them kept for the test."""
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    order = rng.permutation(len(images))
    X, Y = images[order] / 16, np.eye(10)[digits[order]]
    held = len(X) // 5
    return Data(X[held:], Y[held:], X[:held], Y[:held])


def initial(rng: np.random.Generator) -> dict[str, Any]:
    """Weights of variance 1/n for n inputs, biases zero."""
    params = {}
    for layer, (n, width) in enumerate(pairwise(SIZES), 1):
        params[f"W{layer}"] = rng.normal(size=(n, width)) / np.sqrt(n)
        params[f"b{layer}"] = np.zeros(width)
    return params


def predict(params: dict[str, Any], X: Any) -> Any:
    """The digit with the largest pre-activation of the last layer."""
    A1 = 1 / (1 + np.exp(-(X @ params["W1"] + params["b1"])))
    return np.argmax(A1 @ params["W2"] + params["b2"], axis=1)


def train(loss_and_gradients: Callable[..., Any], params: dict[str, Any], data: Data, epochs: int, rng: np.random.Generator) -> History:
    """Mini-batch gradient descent: `W <- W - eta dW`."""
    history = History()
    for epoch in track(range(epochs + 1), description="training"):
        if epoch:
            for batch in np.array_split(rng.permutation(len(data.X)), len(data.X) // BATCH):
                _, grads = loss_and_gradients(params, data.X[batch], data.Y[batch])
                for name, g in grads.items():
                    params[name] -= RATE * g
        history.loss.append(float(loss_and_gradients(params, data.X, data.Y)[0]))
        history.test_loss.append(float(loss_and_gradients(params, data.X_test, data.Y_test)[0]))
        history.accuracy.append(float(np.mean(predict(params, data.X_test) == data.Y_test.argmax(axis=1))))
    return history


def draw(history: History, path: Path) -> None:
    """The loss on both sets over the epochs, and below it how many test images are recognized."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (above, below) = plt.subplots(2, 1, figsize=(6.4, 6), sharex=True, height_ratios=(2, 1), layout="constrained")
    above.semilogy(history.loss, label="training")
    above.semilogy(history.test_loss, label="test", linestyle="--")
    above.set(ylabel="mean cross-entropy", title=f"Digits, {'-'.join(map(str, SIZES))}: {history.accuracy[-1]:.1%} of the test images recognized")
    above.legend()
    below.plot([100 * a for a in history.accuracy], color="C1", linestyle="--")
    below.set(xlabel="epoch", ylabel="recognized, %", ylim=(0, 100))
    for axes in (above, below):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=Path("output"))
    options = parser.parse_args()
    if options.epochs < 0:
        parser.error(f"--epochs counts from 0, not {options.epochs}")

    gradients = options.output / "digits_gradients.py"
    write_gradients(gradients)
    print(f"wrote {gradients}")
    rng = np.random.default_rng(options.seed)
    data, params = load_data(rng), initial(rng)
    history = train(runpy.run_path(str(gradients))["loss_and_gradients"], params, data, options.epochs, rng)
    print(f"loss {history.loss[0]:.3f} -> {history.loss[-1]:.3f}, test loss {history.test_loss[-1]:.3f}")
    print(f"test accuracy {history.accuracy[-1]:.2%} of {len(data.X_test)} images")
    picture = options.output / "digits.png"
    draw(history, picture)
    print(f"wrote {picture}")


if __name__ == "__main__":
    main()
