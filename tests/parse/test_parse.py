"""Reading formulas: the oracle of the tables is the trees written out by hand from what each line says in its own notation.

Random trees are printed by a small printer of this file, which shares nothing with the parser, and must come back equal;
mutated formulas must end in a tree or in a `ReadError`, quickly.
"""

# ruff: noqa: E501 - a case of a table is one line

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbackprop.errors import ReadError, TooLarge
from symbackprop.parse import Limits, Vocabulary, read_document, read_formula, read_python
from symbackprop.parse.tree import Fence, Fraction, Infix, Juxtaposed, Name, Number, Root, Script, Tree, children
from tests.parse.parse_shown import WORDS, line, shown

HERE = Path(__file__).parent
FORMULAS = (HERE / "formulas.txt").read_text(encoding="utf-8").splitlines()
PYTHON = (HERE / "python.txt").read_text(encoding="utf-8").splitlines()

READ = [
    (r"\delta^l = ((w^{l+1})^T \delta^{l+1}) \odot \sigma'(z^l)", "delta^l = ((((w^(l + 1))^T delta^(l + 1))) odot sigma'!(z^l))"),
    (r"= \sum_k w^{l+1}_{kj} \delta^{l+1}_k \sigma'(z^l_j)", "= sum[k; -; -; -](w_(k j)^(l + 1) delta_k^(l + 1) sigma'!(z_j^l))"),
    (r"\delta^l_j \equiv \partial C/\partial z^l_j", 'delta_j^l equiv partial(C / z_j^l)'),
    (r"C=\frac{1}{2}\|y-a^L\|^2", 'C = (frac(1, 2) ||(y - a^L)||^2)'),
    (r"dW^{[2]} = \frac{1}{m}dZ^{[2]}A^{[1]T}", 'dW^[2] = (frac(1, m) dZ^[2] A^([1] T))'),
    (r"db^{[1]} = \frac{1}{m}np.sum(dZ^{[1]},axis=1,keepdims=True)", 'db^[1] = (frac(1, m) np.sum!(dZ^[1], axis=1, keepdims=True))'),
    (r"\frac{\partial L}{\partial b} = \mathrm{np.sum}(dscores, axis=0, keepdims=True)", 'partial(L / b) = np.sum!(dscores, axis=0, keepdims=True)'),
    (r"J=\frac{1}{m}\sum_i L(a^{[2](i)},y^{(i)})", 'J = (frac(1, m) sum[i; -; -; -]L!(a^([2] (i)), y^(i)))'),
    (r"\frac{d\sigma(x)}{dx} = \frac{e^{-x}}{(1+e^{-x})^2}", 'd(sigma!(x) / x) = frac(e^(-x), ((1 + e^(-x)))^2)'),
    (r"= \left(\frac{1+e^{-x}-1}{1+e^{-x}}\right)\left(\frac{1}{1+e^{-x}}\right)", '= ((frac(((1 + e^(-x)) - 1), (1 + e^(-x)))) (frac(1, (1 + e^(-x)))))'),
    (r"p=\mathrm{softmax}(f) \text{ per row}", "p = softmax!(f) | 'per row'"),
    (r"L_i=-\log p_{y_i}", 'L_i = (-log!(p_y_i))'),
    (r"\frac{\partial L_i}{\partial f_k} = p_k-\mathbb{1}(y_i=k)", 'partial(L_i / f_k) = (p_k - one({y_i = k}))'),
    (r"J(W,b;x,y)=\frac{1}{2}\|y-h_{W,b}(x)\|^2", 'J!(W, b, x, y) = (frac(1, 2) ||(y - (h_<W, b> (x)))||^2)'),
    (r"\delta^{(n_l)}_i = \frac{\partial}{\partial z^{(n_l)}_i}\frac{1}{2}\|y-h_{W,b}(x)\|^2", 'delta_i^(n_l) = partial((frac(1, 2) ||(y - (h_<W, b> (x)))||^2) / z_i^(n_l))'),
    (r"\nabla_{\mathbf{a}^{(k)}}J = \nabla_{\mathbf{h}^{(k)}}J\odot f'(\mathbf{a}^{(k)})", "nabla(J / a:bold^(k)) = (nabla(J / h:bold^(k)) odot f'!(a:bold^(k)))"),
    (r"\nabla_{\mathbf{W}^{(k)}}J = \mathbf{g}\mathbf{h}^{(k-1)\top}+\lambda\nabla_{\mathbf{W}^{(k)}}\Omega(\theta)", 'nabla(J / W:bold^(k)) = ((g:bold h:bold^(((k - 1)) top)) + (lambda nabla((Omega (theta)) / W:bold^(k))))'),
    (r"\mathbf{Z}^{(l)}=\mathbf{W}^{(l)T}\mathbf{A}^{(l-1)}+\mathbf{b}^{(l)}", 'Z:bold^(l) = ((W:bold^((l) T) A:bold^((l - 1))) + b:bold^(l))'),
    (r"\frac{\partial J}{\partial\mathbf{b}^{(2)}} = \sum_{n=1}^N\mathbf{e}^{(2)}_n", 'partial(J / b:bold^(2)) = sum[n; 1; N; -]e:bold_n^(2)'),
    (r"J=-\frac{1}{N}\sum_n\sum_k y_{kn}\log\hat y_{kn}", 'J = (-(frac(1, N) sum[n; -; -; -]sum[k; -; -; -](y_(k n) log!(y:hat_(k n)))))'),
    (r"\frac{\partial\ell}{\partial\sigma_B^2} = \sum_{i=1}^m\frac{\partial\ell}{\partial\hat x_i}\cdot(x_i-\mu_B)\cdot\frac{-1}{2}(\sigma_B^2+\epsilon)^{-3/2}", 'partial(ell / sigma_B^2) = sum[i; 1; m; -]((partial(ell / x:hat_i) cdot ((x_i - mu_B))) cdot (frac((-1), 2) ((sigma_B^2 + epsilon))^(-(3 / 2))))'),
    (r"\frac{\sum_{i=1}^m-2(x_i-\mu_B)}{m}", 'frac(sum[i; 1; m; -](-(2 ((x_i - mu_B)))), m)'),
    (r"tmp-\mathrm{mean}(tmp) = \frac{\frac{dE}{dY}-\mathrm{mean}(\frac{dE}{dY}\cdot Y)\cdot Y}{\sqrt{\mathrm{var}(X)+\epsilon}}", '(tmp - mean!(tmp)) = frac((d(E / Y) - (mean!((d(E / Y) cdot Y)) cdot Y)), root((var!(X) + epsilon), -))'),
    (r"\Gamma_f=\sigma(W_f[a_{prev};x_t]+b_f)", 'Gamma_f = sigma!(((W_f [<a_prev; x_t>]) + b_f))'),
    (r"dp\tilde c = \left(dc_{next}*\Gamma_u\right)*(1-\tilde c^2)", 'dpc:tilde = (((dc_next * Gamma_u)) * ((1 - c:tilde^2)))'),
    (r"dW_f = d\gamma_f\begin{bmatrix}a_{prev}\\x_t\end{bmatrix}^T", 'dW_f = (dgamma_f matrix(a_prev; x_t)^T)'),
    (r"da_{prev} = W_f^Td\gamma_f+W_c^Tdp\tilde c", 'da_prev = ((W_f^T dgamma_f) + (W_c^T dpc:tilde))'),
    (r"dS_{ij} = A_{ij}\left(dA_{ij}-\sum_{j'}A_{ij'}dA_{ij'}\right)", "dS_(i j) = (A_(i j) ((dA_(i j) - sum[j'; -; -; -](A_(i j') dA_(i j')))))"),
    (r"dQ = \frac{1}{\sqrt{d}}dS\,K", 'dQ = (frac(1, root(d, -)) dS K)'),
    (r"\left(\frac{\partial s}{\partial z}\right)^Tg = s\odot\left(g-\sum_kg_ks_k\right)", '((partial(s / z))^T g) = (s odot ((g - sum[k; -; -; -](g_k s_k))))'),
    (r"\frac{\partial\log s_i}{\partial z_j} = \delta_{ij}-s_j", 'partial(log!(s_i) / z_j) = (delta_(i j) - s_j)'),
    (r"\frac{\partial J}{\partial\mathbf{z}^{(l)}} = \left((\mathbf{W}^{(l+1)})^\intercal\frac{\partial J}{\partial\mathbf{z}^{(l+1)}}\right)\odot f'(\mathbf{z}^{(l)})", "partial(J / z:bold^(l)) = ((((W:bold^((l + 1)))^intercal partial(J / z:bold^((l + 1))))) odot f'!(z:bold^(l)))"),
    (r"\frac{d}{dv}(x-uv)^2 = 2(x-uv)u", 'd(((x - (u v)))^2 / v) = (2 ((x - (u v))) u)'),
    (r"\frac{\partial p_j}{\partial o_i} = -p_ip_j,\quad i\neq j", 'partial(p_j / o_i) = (-(p_i p_j)) | {i != j}'),
    (r"\frac{\partial L}{\partial o_i} = -\left(y_i(1-p_i)+\sum_{k\neq i}-p_ky_k\right)", 'partial(L / o_i) = (-(((y_i ((1 - p_i))) + sum[k; -; -; {k != i}](-(p_k y_k)))))'),
    (r"s_c=e^{x_c}/S,\ S=\sum_ke^{x_k}", 's_c = (e^x_c / S) | {S = sum[k; -; -; -]e^x_k}'),
    ("a' = 1-a", "a' = (1 - a)"),
    (r"\delta^o = \nabla C\circ\sigma'(Z^o)", "delta^o = (nabla(C / -) circ sigma'!(Z^o))"),
    (r"\frac{1}{m}\cdot\frac{1}{m}\sum_{i=1}^mdz^{[l](i)}", '(frac(1, m) cdot (frac(1, m) sum[i; 1; m; -]dz^([l] (i))))'),
    ("dz^{[l]} = da^{[l]} * g^{[l]'}(z^{[l]})", "dz^[l] = (da^[l] * g'^[l]!(z^[l]))"),
    (r"\delta^l = \delta^{l+1} W \odot s, \text{ for } l=1,\dots,L-1", 'delta^l = ((delta^(l + 1) W) odot s) | {l = <1, ..., (L - 1)>}'),
    (r"{W^{(2)}}^\top x{}^{(1)}", '(W^((2) top) x^(1))'),
    (r"\frac{\partial^2 C}{\partial x\partial y} + \frac{\partial^2 C}{\partial x^2}", '(partial(C / x y) + partial(C / x x))'),
    (r"\frac{\mathrm d y}{\mathrm d x} = dy/dx = {dy \over dx}", 'd(y / x) = d(y / x) = d(y / x)'),
    (r"\left.\frac{\partial f}{\partial x}\right|_{x=0} = \frac{df}{dx}\Big|_{x=0}", '.partial(f / x)|_{x = 0} = .d(f / x)|_{x = 0}'),
    (r"\sum_{i,j} w_{ij} + \sum_{k \in K} a_k + \sum_{ij} b + \lambda\sum W^2", '(((sum[i j; -; -; -]w_(i j) + sum[k; -; -; {k in K}]a_k) + sum[i j; -; -; -]b) + (lambda sum[; -; -; -]W^2))'),
    (r"\max_k z_k + \max(0, z) - \arg\max_j p_j", '((max[k; -; -; -]z_k + max!(0, z)) - argmax[j; -; -; -]p_j)'),
    (r"f(z)=\begin{cases} z & \text{if } z>0 \\ 0, & \text{otherwise} \end{cases}", 'f!(z) = cases(z if {z > 0}; 0 if -)'),
    (r"f(z)=\left\{\begin{array}{ll} z & z>0 \\ \alpha z & z \le 0 \end{array}\right.", 'f!(z) = cases(z if {z > 0}; (alpha z) if {z <= 0})'),
    (r"1\{y=k\} + \mathbf 1[z>0] + \mathbb{1}_{z>0} + [i=j] + I(z>0)", '((((one({y = k}) + one({z > 0})) + one({z > 0})) + one({i = j})) + one({z > 0}))'),
    (r"\frac12 x + {a+b \over c} + \sqrt[3]{x}", '(((frac(1, 2) x) + frac((a + b), c)) + root(x, 3))'),
    (r"1/2 m \sum_i x_i/n", '((1 / 2) m sum[i; -; -; -](x_i / n))'),
    ("X^T(A - Y)/m", '((X^T ((A - Y))) / m)'),
    ("x .* y ./ z + x**2 @ y", '(((x .* y) ./ z) + ((x ** 2) @ y))'),
    ("δᵀ W² ⊙ σ′(ẑ₁)", "((delta^T W^2) odot sigma'!(z:hat_1))"),
    (r"\hat{\mathbf{y}} = \mathbf{\hat y}", 'y:bold:hat = y:bold:hat'),
    (r"W := W - \eta\,\frac{\partial J}{\partial W} \tag{1}\label{eq:w}", 'W := (W - (eta partial(J / W))) #1 #eq:w'),
    (r"a &= b \\ &= c", 'a = b = c'),
    (r"|x| + \|w\|_2^2 + \lambda|b|", '((|x| + ||w||_2^2) + (lambda |b|))'),
    (r"\tanh^2 z + \sigma z + \log\frac{a}{b}", '((tanh^2!(z) + sigma!(z)) + log!(frac(a, b)))'),
    (r"dJ/dW^{(1)} = \delta_i/2", 'd(J / W^(1)) = (delta_i / 2)'),
    (r"P(y|x) = p(y \mid x; \theta)", 'P!(y, x) = p!(y, x, theta)'),
    (r"-\sum_{j=1}^{K} y_j \log(1-p_j)^2 - 1e-3", '((-sum[j; 1; K; -](y_j log!((1 - p_j))^2)) - 1e-3)'),
    (r"a = b \quad (i \neq j)", 'a = b | ({i != j})'),
    (r"1 \le k \le n", '1 <= k <= n'),
    (r"z^{(l)}_1 \approx w_{11} x_1 + w_{12} x_2 + \cdots", 'z_1^(l) approx (((w_11 x_1) + (w_12 x_2)) + ...)'),
    (r"\text{softmax}(z)_i = \operatorname{softmax}(z)_i", 'softmax!(z)_i = softmax!(z)_i'),
    (r"\frac{d a}{d z}\Bigr|_{z=1}", ".d(a / z)|_{z = 1}"),
    (r"\sum_{\substack{k=1\\k\ne i}}^n a_k", "sum[k; 1; n; {k != i}]a_k"),
]  # fmt: skip

REFUSED = [
    (r"a = (b + c", 5, "the bracket '(' opened at column 5 is never closed"),
    (r"a = b) + c", 6, "the bracket ')' was never opened"),
    (r"\left( a + b", 6, "the bracket '(' opened at column 6 is never closed"),
    (r"a + \frac{1", 10, "the bracket '{' opened at column 10 is never closed"),
    (r"\frac{a}", 9, '\\frac lacks its argument'),
    (r"\frac", 6, '\\frac lacks its argument'),
    (r"a^", 3, '^ lacks its argument'),
    (r"a^^2", 3, '^ lacks its argument'),
    (r"^2", 1, "nothing stands before '^'"),
    (r"a + ", 5, 'the formula stops where a quantity was expected'),
    (r"a + * b", 5, "a quantity was expected before '*'"),
    (r"= = b", 3, "a quantity was expected before '='"),
    (r"\foo{x}", 1, 'the command \\foo is not known; did you mean \\rfloor?'),
    (r"\fraq{1}{2}", 1, 'the command \\fraq is not known; did you mean \\frac?'),
    (r"a \pm b", 3, '± stands for two formulas: write out the one you mean'),
    (r"\newcommand{\x}{y}", 1, 'a formula defines no commands: write the symbol itself'),
    (r"a ! b", 3, "the character '!' has no meaning in a formula"),
    (r"a ? b", 3, "nothing is filled in here"),
    (r"(a]", 3, "the bracket '(' opened at column 1 is closed by ']'"),
    (r"()", 2, 'nothing stands between the brackets'),
    (r"a = {}", 6, 'nothing stands between the braces'),
    (r"\sqrt{}", 7, 'nothing stands between the braces'),
    (r"\text{abc", 1, '\\text needs words in braces, \\text{...}, closed again'),
    (r"\left\foo x \right)", 1, "'\\foo' is no bracket"),
    (r"\begin{tikzpicture} x \end{tikzpicture}", 1, "the environment 'tikzpicture' is not read here; cases, array, pmatrix and bmatrix are"),
    (r"\begin{cases} a \\ b", 1, "the bracket '\\begin' opened at column 1 is never closed"),
    (r"\begin{cases} a \end{matrix}", 17, "the environment 'cases' that begins at column 1 is ended as another"),
    (r"\begin{pmatrix} & a \end{pmatrix}", 17, 'a cell of the pmatrix is empty'),
    (r"\partial C", 1, '∂ stands for part of a derivative, ∂C/∂z: what it is divided by is missing'),
    (r"\partial C / x", 13, '∂ stands for part of a derivative, ∂C/∂z: a differential was expected below the line'),
    (r"\frac{\partial C}{x}", 7, '∂ stands for part of a derivative, ∂C/∂z: what it is divided by is missing'),
    (r"\frac{\partial^2 C}{\partial x}", 21, 'the order above the line is 2, but below it there are 1 differentials'),
    (r"\frac{\partial^n C}{\partial x}", 16, 'the order of a derivative is a whole number up to 4'),
    (r"\sum_k", 7, 'the sum lacks its body'),
    (r"\sum_k = 3", 8, 'the sum lacks its body'),
    (r"\log - x", 6, 'the function log lacks its argument: put it in brackets'),
    (r"\nabla", 7, '∇ lacks the quantity that it differentiates'),
    (r"\not a", 1, '\\not is read before = and \\in only'),
    (r"\hat{a+b}", 1, '\\hat is read over a name only'),
    (r"\arg x", 6, '\\arg is read before \\max and \\min only'),
    (r"|a + b", 1, "the bracket '|' opened at column 1 is never closed"),
    (r"a_{i", 3, "the bracket '{' opened at column 3 is never closed"),
    (r"a = b . c", 9, 'the formula goes on after its full stop'),
    (r"当 x = 1", 1, "the character '当' has no meaning in a formula"),
    (r"x.shape", 2, "'.shape' is not read here; the transpose is .T"),
    (r"\overset{a} x", 1, '\\overset needs two arguments in braces'),
    (r"\over b", 1, '\\over needs something above it'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READ)
def test_a_formula_is_read_as_it_says(text: str, expected: str) -> None:
    assert line(read_formula(text, WORDS)) == expected


@pytest.mark.parametrize(("text", "column", "problem"), REFUSED)
def test_what_cannot_be_read_is_refused_in_words_with_its_place(text: str, column: int, problem: str) -> None:
    with pytest.raises(ReadError) as refused:
        read_formula(text, WORDS)
    assert (refused.value.column, refused.value.problem) == (column, problem)
    assert f"line 1, column {column}" in str(refused.value)


@pytest.mark.parametrize("text", FORMULAS)
def test_every_published_line_is_read_whole(text: str) -> None:
    for link in read_formula(text, WORDS).items:
        assert link.tree is not None


@pytest.mark.parametrize("text", PYTHON)
def test_every_published_python_line_is_read(text: str) -> None:
    assert len(read_python(text, WORDS).items) == 2


@pytest.mark.parametrize("text", [t for t, _ in READ] + FORMULAS)
def test_spans_lie_inside_the_text_and_inside_the_spans_around_them(text: str) -> None:
    def check(tree: Tree, start: int, end: int) -> None:
        assert start <= tree.span.start < tree.span.end <= end, shown(tree)
        for child in children(tree):
            check(child, tree.span.start, tree.span.end)

    for link in read_formula(text, WORDS).items:
        assert link.tree is not None
        check(link.tree, 0, len(text))


def test_a_name_keeps_the_run_of_letters_it_was_cut_from() -> None:
    tree = read_formula("w_{jk}", WORDS).items[0].tree
    assert isinstance(tree, Script)
    assert isinstance(tree.sub, Juxtaposed)
    assert [(i.name, i.word) for i in tree.sub.items if isinstance(i, Name)] == [("j", "jk"), ("k", "k")]


@pytest.mark.parametrize("text", [
    "\\frac{" * 3000, "\\frac" * 4000, "(" * 100_000, "{" * 19_000, "-" * 19_000, "\\sqrt" * 3000, "\\hat" * 4000, "\\log" * 4000, "\\sum" * 4000,
    "a+" * 9000 + "a", "a^" * 9000, "\\left(" * 3000, "|" * 9000, "1\\{" * 6000, "a**" * 6000 + "a", "d" * 19_000, "a" * 19_000,
    "\\begin{cases}" * 1400, "\\frac{d" * 2500, "\\partial" * 2000, "\\frac" * 180_000, "+".join("a" * 400), "f(" * 9000,
])  # fmt: skip
def test_what_is_too_large_ends_so_within_a_second(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(TooLarge):
        read_formula(text, WORDS)
    assert time.perf_counter() - start < 1


def test_a_tower_of_powers_is_only_a_tree() -> None:
    assert line(read_formula("9^{9^{9^9}}", WORDS)) == "9^9^9^9"
    assert line(read_python("9**9**9**9", WORDS)) == "(9 ** (9 ** (9 ** 9)))"


def test_limits_are_the_callers() -> None:
    with pytest.raises(TooLarge, match="3 characters; 2 are read"):
        read_formula("a+b", WORDS, Limits(formula=2))


# ---------------------------------------------------------------- Python-like lines


@pytest.mark.parametrize(("text", "expected"), [
    ("dW2 = (1/m) * dZ2 @ A1.T", "dW2 = (((1 / m) * dZ2) @ A1^T)"),
    ("db2 = (1/m) * np.sum(dZ2, axis=1, keepdims=True)", "db2 = ((1 / m) * np.sum!(dZ2, axis=1, keepdims=True))"),
    ("= x**2 - -y", "= ((x ** 2) - (-y))"), ("dh = dh * (h > 0)", "dh = (dh * one({h > 0}))"), ("a[i, j+1].T", "a_<i, (j + 1)>^T"),
    ("np.where(z > 0, z, 0.01*z)", "np.where!({z > 0}, z, (0.01 * z))"), ("x.sum(axis=0)", "sum!(x, axis=0)"), ("σ_1 + b", "(sigma_1 + b)"),
    ("a == b", "a = b"), ("np.linalg.norm(x)", "np.linalg.norm!(x)"),
])  # fmt: skip
def test_a_python_line_is_read_as_it_says(text: str, expected: str) -> None:
    assert line(read_python(text, WORDS)) == expected


@pytest.mark.parametrize(("text", "column", "said"), [
    ("W += dW", 1, r"\+="), ("a = [x for x in y]", 5, "a comprehension"), ("a[1:, 0]", 3, "a slice with ends"), ("import os", 1, "not a statement"),
    ("__import__('os')", 12, "'os'"), ("x.__class__", 1, "__class__"), ("lambda x: x", 1, "a lambda"), ("f(**x)", 1, r"'\*\*'"), ("(a", 1, "never closed"),
    ("a if b else c", 1, "np.where"), ("x is y", 1, "write =="), ("'s'", 1, "'s'"), ("a; b", 1, "one formula"), ("b = True", 5, "True and False"),
])  # fmt: skip
def test_a_python_line_is_refused_in_words_with_its_place(text: str, column: int, said: str) -> None:
    with pytest.raises(ReadError, match=said) as refused:
        read_python(text, WORDS)
    assert refused.value.column == column


# ---------------------------------------------------------------- documents

TEX = r"""---
problem: nielsen
---
Some text $a$ and $\delta = 3$ (100\% of it).
\begin{align}
 a &= b \\
   &= \begin{cases} 1 & z>0 \\ 0 & \text{else}\end{cases} \\
 c &= d
\end{align}
\[ x = y \]
```python
dW = np.sum(a,
   axis=0)  # rows
print(x)
```
"""


@pytest.mark.parametrize("kind", ["tex", "md"])
def test_formulas_are_found_where_they_stand(kind: str) -> None:
    found = read_document(TEX, kind)
    assert found.front == "problem: nielsen\n"
    assert [(i.line, i.column, i.joins, i.syntax) for i in found.lines] == [
        (4, 20, False, "latex"), (6, 2, False, "latex"), (7, 4, True, "latex"), (8, 2, False, "latex"), (10, 4, False, "latex"), (12, 1, False, "python"),
    ]  # fmt: skip
    for i in found.lines:
        assert TEX[i.offset : i.offset + len(i.text)] == i.text


def test_plain_text_and_notebooks() -> None:
    plain = read_document("Solution:\n\\delta^L = a - y\n = b\nso\ndW = X.T @ dZ\n", "txt").lines
    assert [(i.text, i.line, i.joins, i.syntax) for i in plain] == [
        ("\\delta^L = a - y", 2, False, "latex"), ("= b", 3, True, "latex"), ("dW = X.T @ dZ", 5, False, "python"),
    ]  # fmt: skip
    book = read_document('{"cells": [{"cell_type": "markdown", "source": ["so $x=1$\\n"]}, {"cell_type": "code", "source": "y = 1"}]}', "ipynb").lines
    assert [(i.text, i.cell, i.line, i.column) for i in book] == [("x=1", 1, 1, 5), ("y = 1", 2, 1, 1)]
    with pytest.raises(ReadError, match="no notebook"):
        read_document("[1]", "ipynb")


@pytest.mark.parametrize("piece", ["$", "$$", "\\[", "\\(", "```\n", "\\begin{align}", "%", "{", "\\begin{verbatim}", "a=\n", "= (\n", "\\\\", "~~~~ "])
@pytest.mark.parametrize("kind", ["tex", "md", "txt", "py"])
def test_searching_a_document_is_linear(piece: str, kind: str) -> None:
    start = time.perf_counter()
    read_document(piece * (100_000 // len(piece)), kind)
    assert time.perf_counter() - start < 2


# ---------------------------------------------------------------- random trees and mutated formulas

NAMES = st.sampled_from(["a", "W", "z", "theta", "ell"]).map(Name)
LEAVES = NAMES | st.sampled_from(["0", "2", "0.5"]).map(Number)


def _grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    fenced = inner.map(lambda t: Fence("(", t, ")"))
    factors = fenced | NAMES
    return st.one_of(
        st.builds(Fraction, inner, inner), st.builds(Root, inner), fenced,
        st.builds(Infix, st.sampled_from(["+", "-", "odot", "cdot"]), factors, factors),
        st.builds(lambda b, s, p, n: Script(b, s, p, n), NAMES, inner, inner, st.integers(0, 2)),
        st.lists(factors, min_size=2, max_size=3).map(lambda i: Juxtaposed((NAMES_FIRST, *i))),
    )  # fmt: skip


NAMES_FIRST = Name("b")


def printed(tree: Tree) -> str:
    match tree:
        case Name(name):
            return name if len(name) == 1 else f"\\{name} "
        case Number(text):
            return text
        case Fraction(above, below):
            return rf"\frac{{{printed(above)}}}{{{printed(below)}}}"
        case Root(arg):
            return rf"\sqrt{{{printed(arg)}}}"
        case Fence(_, body, _):
            return f"({printed(body)})"
        case Infix(op, left, right):
            return printed(left) + (op if op in "+-" else f"\\{op} ") + printed(right)
        case Script(base, sub, sup, primes):
            return printed(base) + "'" * primes + f"_{{{printed(sub)}}}" * (sub is not None) + f"^{{{printed(sup)}}}" * (sup is not None)  # type: ignore[arg-type]
        case Juxtaposed(items):
            return " ".join(map(printed, items))
    raise AssertionError(tree)


@settings(max_examples=300, deadline=None)
@given(st.recursive(LEAVES, _grown, max_leaves=12))
def test_a_printed_tree_is_read_back(tree: Tree) -> None:
    assert read_formula(printed(tree), Vocabulary()).items[0].tree == tree


PIECES = ["\\frac", "{", "}", "(", ")", "^", "_", "|", "\\|", "\\left(", "\\right)", "\\left.", "\\right|", "\\begin{cases}", "\\end{cases}", "&", "\\\\", "d", "\\partial", "/", "\\sum", "'", ",", "=", "\\text{if$", "$}", "1", "\\{", "\\}", "-", "+", "\\sqrt", "[", "]", "\\hat", "²", "\\over", "\\mathrm", "\\nabla", ".T", "\\log", "\\forall", "\\max", "\\quad", ".", ";", "\\sum_{", "\\not", "ŷ"]


@settings(max_examples=400, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([*FORMULAS, *PYTHON]))
def test_mutated_formulas_end_in_a_tree_or_in_words(rnd: random.Random, text: str) -> None:
    for _ in range(rnd.randint(1, 5)):
        at = rnd.randint(0, len(text))
        text = text[:at] + (rnd.choice(PIECES) if rnd.random() < 0.6 else "") + text[at + rnd.randint(0, 4) :]
    _ends_well(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_ends_in_a_tree_or_in_words(text: str) -> None:
    _ends_well(text)


def _ends_well(text: str) -> None:
    for read in (read_formula, read_python):
        start, offset = time.perf_counter(), 0
        try:
            read(text, WORDS)
        except ReadError as error:
            offset = error.offset
        assert 0 <= offset <= len(text)
        assert time.perf_counter() - start < 1
    for kind in ("tex", "md", "txt", "py"):
        read_document(text, kind)
