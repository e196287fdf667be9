"""Reports made by hand, of every verdict, for the tests of what shows them."""

from __future__ import annotations

from symbackprop.checker.verdicts import Counterexample, Diagnosis, Judgement, Report, Status, Step, Target

RIGHT = Judgement(Status.RIGHT, "proved for all sizes")
NUMBERS = Counterexample("j = 2", "0.375", "-0.75", {r"W^{(2)}_{21}": "0.5", r"z^{(1)}_2": "-1"}, {"n_1": 2, "n_2": 3})
WRONG = Judgement(Status.WRONG, "the two sides differ", NUMBERS)
UNDECIDED = Judgement(Status.UNDECIDED, "neither proved nor refuted")

SLIP = r"= \left(W^{(2)} \delta^{(2)}\right) \odot \sigma'(z^{(1)})"
MENDED = r"= \left({W^{(2)}}^T \delta^{(2)}\right) \odot \sigma'(z^{(1)})"
START = SLIP.index("W^{(2)}")
TRANSPOSED = Diagnosis("transpose", "W^{(2)} has to be transposed here.", MENDED, START, START + len("W^{(2)}"))

STEPS = (
    Step(1, r"\delta^{(1)} = \frac{\partial C}{\partial z^{(1)}}", 3, 5, "latex", Judgement(Status.DEFINITION, "a name is given")),
    Step(2, SLIP, 4, 10, "latex", WRONG, WRONG, TRANSPOSED),
    Step(3, r"\frac{\partial C}{\partial w^l_{jk}} = \sum_{i=1}^{m} a^{l-1}_{k,i} \delta^l_{j,i}", 9, 3, "latex", RIGHT, None, None, ("a note",)),
    Step(4, "dW1 = (dZ1 @ X.T) / m", 14, 1, "python", Judgement(Status.CONVENTION, "right with samples as columns")),
    Step(5, r"\frac{\partial C}{\partial b} = \|\hat{\mathbf y} - y\|^2 + \ldots", 17, 1, "latex", UNDECIDED),
    Step(6, r"\delta^{(1)} = \begin{cases} z & \text{if } z > 0 \\ 0 & \text{otherwise} \end{cases}", 21, 1, "latex", RIGHT, WRONG),
)
MIXED = Report(STEPS, "Two layers", "alice.tex", "", (Target("dC/dW1", 3), Target("dC/db1", None)), seconds=0.41)
ALL_RIGHT = Report((STEPS[2], STEPS[3]), "Two layers", "bob.tex", seconds=0.2)
LUCKY = Report((Step(1, SLIP, 4, 1, "latex", WRONG, None, TRANSPOSED), Step(2, "= d", 5, 1, "latex", WRONG, RIGHT)), "Two layers", "carol.tex")
FAILED = Report((), "Two layers", "dave.tex", failure="undecided: out of time: it takes more than 10 s")
HOSTILE_TEXT = "\\delta = <script>alert(1)</script> & \x1b[31m \x00 ]]> \"quoted\" 'single' \N{ZERO WIDTH SPACE}"
HOSTILE = Report(
    (Step(1, HOSTILE_TEXT, 1, 1, "latex", Judgement(Status.WRONG, HOSTILE_TEXT, Counterexample(HOSTILE_TEXT, "1", HOSTILE_TEXT, {HOSTILE_TEXT: "1"})),
          None, Diagnosis(HOSTILE_TEXT, HOSTILE_TEXT, HOSTILE_TEXT, 9, 17), (HOSTILE_TEXT,)),),
    HOSTILE_TEXT, "<b>.tex", HOSTILE_TEXT, (Target(HOSTILE_TEXT, None),),
)  # fmt: skip
EVERY = (MIXED, ALL_RIGHT, LUCKY, FAILED, HOSTILE, Report(()))
