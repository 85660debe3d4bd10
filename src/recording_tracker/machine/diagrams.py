"""Diagrams: a machine in, its picture as Mermaid or by Graphviz out, drawn by ``transitions``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from transitions.extensions.diagrams import HierarchicalGraphMachine
from transitions.extensions.nesting import NestedState

from recording_tracker.errors import StorageError
from recording_tracker.machine.sketch import People, Peopled, Step, steps
from recording_tracker.machine.table import Machine, Region
from recording_tracker.times import short

MOST_EVENTS = 4
"""Events that an arrow names; where there are more, it says how many others lead the same way."""
PROMISED = "!"
# No two underscores in a row: they part a region from its state. A dot would begin a class in Mermaid.
_WORD = re.compile(r"[A-Za-z](?!\w*__)\w*", re.ASCII)
# What ends a label, or begins something else in it. https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters
_MERMAID_SIGNS = re.compile(r'["#;<>\\\n]')


_FONT = {"fontname": "Helvetica,Arial,sans-serif"}
# Mermaid has a light and a dark theme of its own, so only what stands out is given colours.
_MERMAID_STYLES = {
    "default": {"stroke": "#64748b"},
    "final": {"fill": "#dcfce7", "color": "#14532d", "stroke": "#166534"},
    "open": {"fill": "#dbeafe", "color": "#1e3a8a", "stroke": "#1e40af"},
    "stuck": {"fill": "#fee2e2", "color": "#7f1d1d", "stroke": "#991b1b"},
}
_DOT_STYLES = {
    "node": {
        "default": _FONT | {"shape": "rectangle", "style": "rounded,filled", "fillcolor": "white", "color": "#334155"},
        "final": {"fillcolor": "#dcfce7", "color": "#166534", "peripheries": "2"},
        "open": {"fillcolor": "#dbeafe", "color": "#1e40af"},
        "stuck": {"fillcolor": "#fee2e2", "color": "#991b1b", "penwidth": "2"},
    },
    "edge": {"default": _FONT | {"color": "#64748b", "fontsize": "10"}},
    "graph": {"default": _FONT | {"color": "#94a3b8", "style": "rounded"}},
}


class _State(NestedState):
    separator = "__"

    def __init__(self, *args: Any, label: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label = label


class _Drawn(HierarchicalGraphMachine):
    """A machine that is there to be drawn only."""

    state_cls = _State
    machine_attributes = {"rankdir": "TB"}  # noqa: RUF012


def draw(machine: Machine, form: str, *, peopled: Peopled | None = None, all_of_them: bool = False) -> bytes:
    """
    Draw *machine* in one of FORMATS, coloured by the recordings in its states where *peopled* tells of them.

    Without *all_of_them* short cuts and what stays in its state are left out. Raises StorageError where the
    extra ``diagrams`` or the program ``dot`` is needed and not there.
    """
    mermaid = form == "mermaid"
    regions = [_Picture(region, machine, peopled, mermaid=mermaid) for region in machine.regions]
    drawn: Any = _Drawn(
        model=None,
        states=[picture.as_state(all_of_them=all_of_them) for picture in regions],
        initial=None,
        auto_transitions=False,
        title=_front_matter(machine.title) if mermaid else f"{machine.title}\\n{PROMISED} always sent",
        graph_engine="mermaid" if mermaid else "graphviz",
    )
    styles = [style for picture in regions for style in picture.styles()]
    drawn.style_attributes = _used(styles) if mermaid else _DOT_STYLES
    graph = drawn.graph_cls(drawn)
    if mermaid:
        # The library styles only what is not nested.
        lines = [graph.get_graph().source, *(f"  class {name} s_{style}" for name, style in styles)]
        return "".join(f"{line.rstrip()}\n" for line in "\n".join(lines).splitlines()).encode()
    for name, style in styles:
        graph.set_node_style(name, style)
    return _rendered(graph, form)


def _used(styles: list[tuple[str, str]]) -> dict[str, dict[str, dict[str, str]]]:
    wanted = {"default", *(style for _, style in styles)}
    return {"node": {name: style for name, style in _MERMAID_STYLES.items() if name in wanted}}


def _front_matter(title: str) -> str:
    return f'title: "{_MERMAID_SIGNS.sub(" ", title)}"'


def _rendered(graph: Any, form: str) -> bytes:
    try:
        import graphviz
    except ImportError as error:
        raise StorageError(f"{form} needs the package graphviz: pip install graphviz") from error
    picture = graph.get_graph()
    if form == "dot":
        return str(picture.source).encode()
    try:
        return bytes(picture.pipe(form))
    except graphviz.ExecutableNotFound as error:
        raise StorageError(f"{form} needs the program dot; install graphviz") from error


class _Picture:
    """One region, in the words that ``transitions`` takes and with labels that tell what the machine file says."""

    def __init__(self, region: Region, machine: Machine, peopled: Peopled | None, *, mermaid: bool) -> None:
        self._region, self._machine, self._peopled, self._mermaid = region, machine, peopled, mermaid
        self._name = _word(region.name, f"region{machine.regions.index(region)}")
        self._names = [_word(state, f"state{number}") for number, state in enumerate(region.states)]

    def as_state(self, *, all_of_them: bool) -> dict[str, Any]:
        """Return the region as a state whose children are its states."""
        required = ", required" if self._region.required else ""
        return {
            "name": self._name,
            "label": self._text(f"{self._region.name}{required}"),
            "initial": self._names[self._region.initial],
            "children": [
                {"name": name, "label": self._label(number), "final": self._region.rules[number].final}
                for number, name in enumerate(self._names)
            ],
            "transitions": [self._arrow(step) for step in steps(self._region, all_of_them=all_of_them)],
        }

    def styles(self) -> Iterator[tuple[str, str]]:
        """Yield the names of states and the style that each is drawn in, where it is not the usual one."""
        for number, name in enumerate(self._names):
            here = self._here(number)
            style = "stuck" if here.stuck else "open" if here.open else "final"
            if here.open or self._region.rules[number].final:
                yield f"{self._name}__{name}", style

    def _here(self, number: int) -> People:
        return (self._peopled or {}).get((self._region.name, self._region.states[number]), People())

    def _label(self, number: int) -> str:
        rule, here = self._region.rules[number], self._here(number)
        lines = [self._region.states[number]]
        if rule.final:
            lines.append(f"ends {rule.outcome}" if rule.outcome else "ends")
        if rule.stall_after:
            lines.append(f"silent at most {short(rule.stall_after)}")
        if rule.complete_within:
            lines.append(f"complete within {short(rule.complete_within)}")
        if here.open:
            lines.append(f"{here.open} open, {here.stuck} stuck" if here.stuck else f"{here.open} open")
        # The library ends the last line of a label for dot with \\l, so that it stands to the left.
        return ("<br>" if self._mermaid else "\\l").join(map(self._text, lines))

    def _arrow(self, step: Step) -> dict[str, str]:
        names = [f"{name}{PROMISED if name in self._machine.promised else ''}" for name in step.triggers]
        shown = names if len(names) <= MOST_EVENTS else [*names[: MOST_EVENTS - 1], f"{len(names) - 3} others"]
        return {
            "trigger": step.triggers[0],
            "source": self._names[step.source],
            "dest": self._names[step.dest],
            "label": ("<br>" if self._mermaid else "\\n").join(map(self._text, shown)),
        }

    def _text(self, text: str) -> str:
        if self._mermaid:
            return _MERMAID_SIGNS.sub(lambda sign: f"#{ord(sign[0])};", text)
        return text.replace("\\", "\\\\")


def _word(name: str, otherwise: str) -> str:
    """Return a name that diagrams take as it is; *otherwise* where *name* would be read as something else."""
    return name if _WORD.fullmatch(name) else otherwise
