"""Mutants: copies of a module with one small fault each, such as hurried people make. The faults are those listed here.

Types, docstrings and sentences for people are left alone: a fault there is no fault of behaviour.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARED = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COUNTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.RShift: ast.LShift, ast.LShift: ast.RShift,
}  # fmt: skip
TYPED = ("annotation", "returns", "bases", "type_params", "format_spec")  # parts of nodes where types stand, or layout
UNREAD = (
    "frozen",
    "slots",
    "by",
    "unique",
    "index",
    "nullable",
)  # keywords for readers and messages, and what migrations read


@dataclass(frozen=True)
class Mutant:
    """A fault: where it is, of which statement, what it does, and the module with it."""

    line: int
    lines: range
    fault: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"line {self.line}: {self.fault}"


def mutants_of(source: str) -> list[Mutant]:
    """Return every mutant of a module."""
    number, found = 0, []
    while True:
        tree = ast.parse(source)
        places = list(_places(tree))
        if number == len(places):
            return found
        begins, (node, fault, change) = places[number]
        change()
        lines = range(min(begins, node.lineno), node.lineno + 1)
        found.append(Mutant(node.lineno, lines, fault, ast.fix_missing_locations(tree)))
        number += 1


def _places(node: ast.AST, begins: int = 1) -> Iterator[tuple]:
    """Yield each fault that can be made in a tree: its statement's line, the node, what it is, and what makes it."""
    for name, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        for at, child in enumerate(children):
            if not isinstance(child, ast.AST) or name in TYPED or _is_of_types(child) or _is_for_people(child, node):
                continue

            def put(new, name=name, at=at):
                if isinstance(getattr(node, name), list):
                    getattr(node, name)[at] = new
                else:
                    setattr(node, name, new)

            line = child.lineno if isinstance(child, ast.stmt) else begins
            yield from ((line, fault) for fault in _faults(child, put, name))
            yield from _places(child, line)


def _is_of_types(node: ast.AST) -> bool:
    """Say whether a statement is of types, exports or documentation only."""
    if isinstance(node, ast.Assign | ast.AugAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return isinstance(target, ast.Name) and (target.id == "__all__" or "TypeVar" in ast.unparse(node.value))
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return True
    if isinstance(node, ast.keyword):
        return node.arg in UNREAD
    is_type = isinstance(node, ast.Call) and ast.unparse(node.func) in ("cast", "TypeVar", "Generic", "String")
    return is_type or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _is_for_people(node: ast.AST, parent: ast.AST) -> bool:
    """Say whether it is a line of the log, or part of a sentence: in a string with values, blanks and signs alone."""
    if isinstance(node, ast.Expr):  # signals are for who looks on
        return any(word in ast.unparse(node) for word in ("logger.", ".send("))
    if isinstance(node, ast.Constant) and isinstance(
        parent, ast.Call
    ):  # who asks, as the message of a mistake names it
        return ast.unparse(parent.func) in ("extension_for", "current_write", "private", "mistake")
    if not isinstance(parent, ast.JoinedStr) or not isinstance(node, ast.Constant):
        return False
    words = [part.value for part in parent.values if isinstance(part, ast.Constant)]
    return not any(map(str.isalnum, node.value)) or any(word.rstrip().endswith(".") for word in words)


def _faults(node, put, name):
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            other = COMPARED[type(operator)]
            yield node, f"{_text(node)}: {other.__name__}", lambda at=at, other=other: node.ops.__setitem__(at, other())
    elif isinstance(node, ast.BoolOp):
        other = ast.And if isinstance(node.op, ast.Or) else ast.Or
        yield node, f"{_text(node)}: {other.__name__}", lambda: setattr(node, "op", other())
    elif isinstance(node, ast.BinOp) and type(node.op) in COUNTED:
        other = COUNTED[type(node.op)]
        yield node, f"{_text(node)}: {other.__name__}", lambda: setattr(node, "op", other())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        yield node, f"{_text(node)}: without its not", lambda: put(node.operand)
    elif isinstance(node, ast.Constant) and (new := _other(node.value)) is not None:
        yield node, f"{node.value!r}: {new!r}", lambda: put(ast.Constant(new))
    elif isinstance(node, ast.Return) and node.value and not _is_nothing(node.value):
        yield node, f"{_text(node)}: None", lambda: put(ast.Return(ast.Constant(None)))
    elif isinstance(node, ast.Raise | ast.Delete | ast.AugAssign) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.YieldFrom)
    ):
        yield node, f"{_text(node)}: left out", lambda: put(ast.Pass())
    elif isinstance(node, ast.With):
        yield node, f"{_text(node)}: without with", lambda: put(ast.If(ast.Constant(True), node.body, []))
    if name == "decorator_list":
        yield node, f"@{_text(node)}: left out", lambda: put(ast.parse("lambda function: function").body[0].value)
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield node, f"if {_text(node.test)}: not", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.comprehension):
        for at, test in enumerate(node.ifs):
            yield test, f"if {_text(test)}: always", lambda at=at: node.ifs.__setitem__(at, ast.Constant(True))


def _other(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):  # bytes, milliseconds and the like are taken for others of their kind
        return value * 10 or 1.0 if isinstance(value, float) or value > 600 else value + 1
    is_word = isinstance(value, str) and value and " " not in value  # the others are sentences, or parts of them
    return f"{value}x" if is_word else None


def _is_nothing(node):
    return isinstance(node, ast.Constant) and not node.value


def _text(node):
    return ast.unparse(node).splitlines()[0][:70]
