"""The parsed template of a chat with a meter put into it: calls of what `tinylm.runtime.jinja_sandbox` charges with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.visitor import NodeTransformer

STEP = 5
"""Units of a part of a statement that is run: about as long as looking at so many elements."""
_REFUSED = (nodes.Extends, nodes.Block, nodes.Include, nodes.Import, nodes.FromImport)


class Guard(NodeTransformer):
    """Puts the meter into a parsed template, and refuses what a chat template has no use for."""

    def generic_visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(node, _REFUSED):
            raise TemplateSyntaxError(f"`{type(node).__name__.lower()}` is not known here", node.lineno)
        return super().generic_visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        if node.test is not None:
            node.test = nodes.And(
                self._call("tick", nodes.Const(_cost([node.test])), at=node), node.test, lineno=node.lineno
            )
        self._tick_in(node)
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:
        self.generic_visit(node)
        self._tick_in(node)
        return node

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.CallBlock:
        self.generic_visit(node)
        self._tick_in(node)
        return node

    def _tick_in(self, node: nodes.For | nodes.Macro | nodes.CallBlock) -> None:
        tick = self._call("tick", nodes.Const(_cost(node.body)), at=node)
        node.body.insert(0, nodes.ExprStmt(tick, lineno=node.lineno))

    def visit_Concat(self, node: nodes.Concat) -> nodes.Call:
        self.generic_visit(node)
        return self._call("joined", *node.nodes, at=node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:
        self.generic_visit(node)
        return self._call("sliced", node, at=node) if isinstance(node.arg, nodes.Slice) else node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:
        self.generic_visit(node)
        node.expr = self._heavy(node.expr)
        for operand in node.ops:
            operand.expr = self._heavy(operand.expr)
        return node

    def visit_Pair(self, node: nodes.Pair) -> nodes.Pair:
        self.generic_visit(node)
        node.key = self._heavy(node.key)
        return node

    def _heavy(self, node: nodes.Expr) -> nodes.Expr:
        return node if isinstance(node, nodes.Const) else self._call("heavy", node, at=node)

    def _call(self, name: str, *arguments: nodes.Expr, at: nodes.Node) -> nodes.Call:
        attribute = nodes.EnvironmentAttribute(name, lineno=at.lineno)
        return nodes.Call(attribute, list(arguments), [], None, None, lineno=at.lineno)


class Generation(Extension):
    """`{% generation %}`, which marks for training what an assistant says: here its content alone."""

    tags = {"generation"}  # noqa: RUF012  # as Jinja's extensions declare it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _cost(body: Iterable[nodes.Node]) -> int:
    """Of running these statements once, without what they call: their parts, and the characters that they print."""
    cost = STEP
    for node in body:
        cost += len(node.data) if isinstance(node, nodes.TemplateData) else STEP
        cost += _cost(node.iter_child_nodes())
    return cost
