"""Losses of one example and penalties on weights: formulas only, in the output `a[j]` (or logits) and the target `y[j]`."""

from __future__ import annotations

from symbackprop.rules.record import LOSSES, PENALTIES, Loss, Penalty

for _loss in (
    Loss("quadratic", "1/2 * sum(j, (y[j] - a[j])**2)"),
    Loss("squared_error", "sum(j, (y[j] - a[j])**2)"),
    Loss("mean_squared_error", "1/n * sum(j, (y[j] - a[j])**2)"),
    Loss("l1", "sum(j, abs(a[j] - y[j]))", kinks="a = y"),
    Loss("huber", "sum(j, where(abs(a[j] - y[j]) <= kappa, 1/2*(a[j] - y[j])**2, kappa*abs(a[j] - y[j]) - 1/2*kappa**2))", scalars=("kappa",)),
    Loss("binary_cross_entropy", "-sum(j, y[j]*log(a[j]) + (1 - y[j])*log(1 - a[j]))", input="probabilities", target="binary"),
    Loss("binary_cross_entropy_logits", "sum(j, log(1 + exp(a[j])) - y[j]*a[j])", input="logits", target="binary"),
    Loss("cross_entropy", "-sum(j, y[j]*log(a[j]))", input="probabilities", target="one_hot"),
    Loss("softmax_cross_entropy", "-sum(j, y[j]*log(exp(a[j]) / sum(k, exp(a[k]))))", input="logits", target="one_hot"),
    Loss("cross_entropy_logits", "log(sum(k, exp(a[k]))) - sum(j, y[j]*a[j])", input="logits", target="one_hot"),
    Loss("negative_log_likelihood", "-sum(j, delta(j, y)*log(a[j]))", input="probabilities", target="class"),
    Loss("hinge", "sum(j, where(1 - y[j]*a[j] > 0, 1 - y[j]*a[j], 0))", target="sign", kinks="y a = 1"),
    Loss(
        "multiclass_hinge",
        "sum(j, (1 - y[j]) * where(1 + a[j] - sum(k, y[k]*a[k]) > 0, 1 + a[j] - sum(k, y[k]*a[k]), 0))",
        target="one_hot", kinks="1 + a_j = a_y",
    ),
):  # fmt: skip
    LOSSES.add(_loss)

for _penalty in (
    Penalty("l2", "lambda_/2 * sum(j, k, w[j, k]**2)"),
    Penalty("l2_full", "lambda_ * sum(j, k, w[j, k]**2)"),
    Penalty("l1", "lambda_ * sum(j, k, abs(w[j, k]))", kinks="w = 0"),
):
    PENALTIES.add(_penalty)
