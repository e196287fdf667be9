"""From declarations to a problem: symbols get their shapes, equations their order, and the loss what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symbackprop.checker.applied import bare
from symbackprop.checker.context import Constant, Context, Function, Quantity, Symbol
from symbackprop.checker.declarations import Declarations, name_of
from symbackprop.checker.defining import define
from symbackprop.checker.forward import prune, read_equations
from symbackprop.checker.indexed import index_of
from symbackprop.checker.problem import SAMPLERS, Problem, strings, table
from symbackprop.checker.reading import Reader
from symbackprop.checker.report.gradescope import STEPS
from symbackprop.checker.symbols import key, letter_key, pattern_of
from symbackprop.equations import Abstract, Entry, Equation, Tensor, mul, scalar, summation
from symbackprop.errors import SpecError, one_of
from symbackprop.normal import one_hot
from symbackprop.parse.tree import Derivative, Nabla, Tree

__all__ = ["declare"]


def declare(data: Mapping[str, Any], where: str) -> Problem:
    """The problem that the tables of a file declare; `SpecError` names the declaration that does not fit."""
    problem = Declarations(data, where)
    for text, name in table(data, "functions", where).items():
        tree, own = problem.tree(text), name in ("abstract", "coupled")  # two functions of which nothing is known are two
        problem.function(tree, Function(f"{name} {key(tree)}" if own else str(name), name == "coupled"))
    for text in strings(data, "scalars", where):
        tree = problem.tree(text)
        problem.add(tree, Constant(scalar(_plain(key(tree)), positive=True)))
    problem.declare_sizes()
    for text, shape in table(data, "shapes", where).items():
        problem.quantity(text, shape)
    for text, of in table(data, "same", where).items():
        problem.same(text, of)
    loss = _loss_tree(problem)
    for text, formula in table(data, "names", where).items():
        problem.name(text, formula)
    _upstream(problem, loss)
    _facts(problem)
    pending = [(text, tree) for text in strings(data, "equations", where) for tree in [problem.formula(text)]]
    define(problem, pending)
    read_equations(problem, pending)
    _abstract(problem, loss)
    _upstream_loss(problem, loss)
    prune(problem)
    context = problem.context(_loss_tensor(problem, loss))
    _facts_of_computed(problem, context)
    targets = tuple((text, problem.tree(text)) for text in strings(data, "targets", where))
    named = [*(text for text, _ in targets), STEPS]
    rubric = {one_of("rubric entry", str(k), named, where): float(v) for k, v in table(data, "rubric", where).items()}
    title = str(data.get("title", ""))
    return Problem(title, context, tuple(problem.equations), problem.samplers, tuple(problem.facts), targets, rubric, problem.functions)


def _loss_tree(problem: Declarations) -> Tree | None:
    return bare(problem.tree(problem.data["loss"])) if "loss" in problem.data else None


def _loss_tensor(problem: Declarations, loss: Tree | None) -> Tensor | None:
    if loss is None:
        return None
    found = Reader(problem.context(), {}).lookup(loss)
    if found is None or not isinstance(found[0].meaning, Quantity):
        raise SpecError(f"{problem.where}: the loss {key(loss)} has no equation; give one, or [abstract] or [upstream] for what it is made of")
    return Reader(problem.context(), {}).tensor(found[0].meaning, found[1], loss)


def _scalar(problem: Declarations, loss: Tree) -> Tensor:
    tensor = Tensor(name_of(loss))
    problem.symbols.setdefault(letter_key(loss), []).append(Symbol(pattern_of(loss, ())[0], Quantity({None: tensor}, {tensor: (None, None)})))
    return tensor


def _abstract(problem: Declarations, loss: Tree | None) -> None:
    for text, arguments in table(problem.data, "abstract", problem.where).items():
        tensor = _scalar(problem, problem.tree(text))
        found = tuple(problem.tensor_of(a) for a in arguments)
        problem.equations.append(Equation(Entry(tensor), Abstract(tensor, *found)))
        problem.uses[tensor] = found


def _upstream(problem: Declarations, loss: Tree | None) -> None:
    if table(problem.data, "upstream", problem.where) and loss is None:
        raise SpecError(f"{problem.where}: [upstream] needs the loss whose gradient is given")


def _upstream_loss(problem: Declarations, loss: Tree | None) -> None:
    """A loss of which only the gradients that arrive are known: the sum of each quantity times its gradient."""
    given = table(problem.data, "upstream", problem.where)
    if not given or loss is None:
        return
    terms, found = [], []
    for text, of in given.items():
        tree, quantity = problem.tree(text), problem.tensor_of(of)
        gradient = Tensor(f"upstream {quantity.name}" if isinstance(tree, (Derivative, Nabla)) else name_of(tree), quantity.shape, quantity.layer)
        if not isinstance(tree, (Derivative, Nabla)):
            reader = Reader(problem.context(), problem.depths)
            like = reader.lookup(problem.tree(of))
            assert like is not None
            assert isinstance(like[0].meaning, Quantity)
            problem.symbols.setdefault(letter_key(tree), []).append(
                Symbol(pattern_of(tree, ())[0], Quantity({None: gradient}, {gradient: like[0].meaning.faces[quantity]}))
            )
        at = [index_of(f"#{n}") for n in range(quantity.rank)]
        body = mul(Entry(gradient, *at), Entry(quantity, *at))
        terms.append(summation(body, *((k, 1, n) for k, n in zip(at, quantity.shape, strict=True))) if at else body)
        found += [gradient, quantity]
    tensor = _scalar(problem, loss)
    total = terms[0]
    for t in terms[1:]:
        total = total + t
    problem.equations.append(Equation(Entry(tensor), total))
    problem.uses[tensor] = tuple(found)


def _facts(problem: Declarations) -> None:
    for text, size in table(table(problem.data, "facts", problem.where), "classes", problem.where).items():
        tree = problem.tree(text)
        if Reader(problem.context(), {}).lookup(tree) is None:
            problem.quantity(text, [])
        found = Reader(problem.context(), {}).lookup(tree)
        if found is None or not isinstance(found[0].meaning, Quantity) or len(found[0].meaning.tensors) != 1:
            raise SpecError(f"{problem.where}: {text} is no class number: it is declared as something else")
        ((layer, tensor),) = found[0].meaning.tensors.items()
        whole = Tensor(tensor.name, (*tensor.shape, problem.size(problem.tree(str(size)), problem.depths)), layer)
        known = problem.symbols[found[0].pattern.base]
        face = (0, 1) if whole.rank == 2 else (0, None)
        known[known.index(found[0])] = Symbol(found[0].pattern, Quantity({layer: whole}, {whole: face}, classes=True))
        problem.samplers[whole] = SAMPLERS["one_hot"](whole.rank - 1)
        problem.facts.extend(one_hot(whole, whole.rank - 1))


def _facts_of_computed(problem: Declarations, context: Context) -> None:
    for kind, texts in table(problem.data, "facts", problem.where).items():
        if kind == "classes":
            continue
        if kind not in SAMPLERS:
            raise SpecError(f"{problem.where}: unknown fact '{kind}'. Known: classes, {', '.join(SAMPLERS)}")
        for text in texts:
            tree = problem.tree(text)
            found = Reader(context, problem.depths).lookup(tree)
            if found is None or not isinstance(found[0].meaning, Quantity):
                raise SpecError(f"{problem.where}: {text} is no quantity")
            for tensor in found[0].meaning.tensors.values():
                samples = context.samples
                across = tensor.rank - 1 if tensor.rank and context.conventions.softmax == "rows" else 0
                axis = next((n for n, s in enumerate(tensor.shape) if s != samples), 0) if samples in tensor.shape else across
                problem.samplers[tensor] = SAMPLERS[kind](axis)
                if kind == "one_hot":
                    problem.facts.extend(one_hot(tensor, axis))


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)
