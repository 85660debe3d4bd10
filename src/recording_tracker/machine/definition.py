"""A machine file as data: parsed TOML in, a Definition or the adjustment of one out, or the place and the fault."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import timedelta
from difflib import get_close_matches
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from recording_tracker.errors import MachineError
from recording_tracker.times import duration

MOST_NAMES = 20
LONGEST_VALUE = 60
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def place(*parts: str | int) -> str:
    """Write where something stands in a file as TOML would: ``events."status.5"``, ``transitions[2]``."""
    written = [
        f"[{part}]" if isinstance(part, int) else f".{part if _BARE_KEY.fullmatch(part) else json.dumps(part)}"
        for part in parts
    ]
    return "".join(written).removeprefix(".")


def not_among(name: str, kind: str, names: Collection[str], note: str = "") -> str:
    """Say that *name* is no *kind*, what the *names* of that kind are, and which of them may have been meant."""
    article, plural = "an" if kind[0] in "aeiou" else "a", f"{kind}{'es' if kind[-1] == 's' else 's'}"
    meant = near(name, names)
    hint = f"; did you mean {meant!r}?" if meant else ""
    return f"{name!r} is not {article} {kind}; the {plural} are {listed(names)}{note}{hint}"


def near(name: str, names: Collection[str]) -> str | None:
    """Return the one of *names* that *name* is probably a slip of."""
    return next(iter(get_close_matches(name, names, n=1, cutoff=0.75)), None)


def listed(names: Collection[str]) -> str:
    """Join names, the first twenty of them."""
    shown = ", ".join(list(names)[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"


def _given(value: object) -> str:
    kinds = {dict: "a table", list: "a list", int: "a number", float: "a number", bool: str(value is True).lower()}
    if isinstance(value, str):
        return repr(value) if len(value) <= LONGEST_VALUE else repr(value[:LONGEST_VALUE]) + "…"
    return kinds.get(type(value), "a date or time")


def _duration(value: object) -> timedelta:
    if not isinstance(value, str):
        raise PydanticCustomError("duration_type", "no duration")
    return duration(value)


def _names(value: object) -> list[object]:
    if not isinstance(value, str | list):
        raise PydanticCustomError("names_type", "no names")
    return [value] if isinstance(value, str) else value


Duration = Annotated[
    timedelta, BeforeValidator(_duration), PlainSerializer(lambda length: f"PT{length.total_seconds():.3f}S")
]
Names = Annotated[list[str], BeforeValidator(_names), Field(min_length=1)]
Phase = Literal["starting", "recording", "processing", "finished"]
Outcome = Literal["available", "backed_up", "partial", "absent", "failed"]
Class = Literal["progress", "hint", "degraded", "failed"]

_VOCABULARIES = {"phase": get_args(Phase), "outcome": get_args(Outcome), "class": get_args(Class)}


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    NAMED: ClassVar[bool] = False
    """Whether the author of the file chooses the table's name, which may then have a dot in it."""
    NOTE: ClassVar[str] = ""
    """What is to be said beside the keys where an unknown one is met."""

    @model_validator(mode="before")
    @classmethod
    def _knows_its_keys(cls, table: Any) -> Any:
        """Refuse an unknown key before anything else: what seems to be missing may only be mistyped."""
        keys = [field.alias or name for name, field in cls.model_fields.items()]
        for key, value in table.items() if isinstance(table, dict) else ():
            if key in keys:
                continue
            if cls.NAMED and isinstance(value, dict) and not near(key, keys):
                raise PydanticCustomError("unquoted_name", "{rest}", {"rest": key})
            raise ValueError(not_among(key, "key", keys, cls.NOTE))
        return table


class Limits(_Table):
    """``[limits]``: how long things may take, and which events the account has subscribed to."""

    complete_within: Duration
    start_within: Duration = timedelta(minutes=10)
    lost_after: Duration = timedelta(minutes=5)
    silent_after: Duration | None = None
    subscribed: list[str] | None = None


class EventRule(_Table):
    """One line of ``[events]``: what may be concluded from the event, and from its absence."""

    NAMED = True
    promised: bool = False
    opens: bool = True
    assumable: bool = True


class StateRule(_Table):
    """One line of ``[regions.NAME.states]``."""

    NAMED = True
    phase: Phase | None = None
    final: bool = False
    outcome: Outcome | None = None
    stall_after: Duration | None = None
    complete_within: Duration | None = None


class TransitionRule(_Table):
    """One entry of ``transitions``; ``dest = "="`` stays in the state."""

    trigger: Names
    source: Names
    dest: str


class RegionRule(_Table):
    """``[regions.NAME]``: one flat machine."""

    NAMED = True
    initial: str
    required: bool = False
    transitions: Annotated[list[TransitionRule], Field(min_length=1)]
    states: Annotated[dict[str, StateRule], Field(min_length=1)]


class Code(_Table):
    """One line of ``[codes.TABLE]``: what a provider's code means, and what to do about it."""

    NAMED = True
    meaning: str
    severity_class: Class = Field(alias="class")
    hint: str | None = None


class Definition(_Table):
    """A whole machine file, after ``extends``."""

    NOTE = ", or extends and what it adjusts"
    provider: str
    title: str
    limits: Limits
    events: Annotated[dict[str, EventRule], Field(min_length=1)]
    regions: Annotated[dict[str, RegionRule], Field(min_length=1)]
    codes: dict[str, dict[str, Code]] = {}
    incarnation_switch: str | None = None

    def digest(self) -> str:
        """Return a SHA-256 of all that the fold reads, the order of what is in the file included."""
        content = self.model_dump(exclude={"title": True, "limits": {"start_within", "silent_after"}})
        for region in content["regions"].values():
            region["states"] = list(region["states"].items())
        content["events"], content["regions"] = list(content["events"].items()), list(content["regions"].items())
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()


class _Adjusting(_Table):
    NOTE = "; a file that extends changes nothing else, another structure needs a whole file"


class AdjustedEvent(_Adjusting):
    """One line of ``[events]`` in a file that extends."""

    NAMED = True
    promised: bool = False


class AdjustedState(_Adjusting):
    """One line of its ``[regions.NAME.states]``."""

    NAMED = True
    stall_after: Duration | None = None
    complete_within: Duration | None = None


class AdjustedRegion(_Adjusting):
    """Its ``[regions.NAME]``."""

    NAMED = True
    required: bool = False
    states: dict[str, AdjustedState] = {}


class Adjustment(_Adjusting):
    """A machine file that extends a shipped one; limits and codes, which it may change as it likes, are read after."""

    extends: str
    provider: str | None = None
    title: str = ""
    limits: dict[str, object] = {}
    events: dict[str, AdjustedEvent] = {}
    regions: dict[str, AdjustedRegion] = {}
    codes: dict[str, dict[str, dict[str, object]]] = {}


Read = TypeVar("Read", Definition, Adjustment)


def read(model: type[Read], tables: dict[str, Any]) -> Read:
    """Read parsed TOML as *model*; raises MachineError with place, what is wrong and what would be right."""
    try:
        return model.model_validate(tables)
    except ValidationError as error:
        # What is missing is often there, at another place.
        found = min(error.errors(include_url=False), key=lambda found: found["type"] == "missing")
        raise MachineError(f"{place(*found['loc']) or 'top level'}: {_wrong(found)}") from error


_EXPECTED = {
    "duration_type": 'a duration as "90s", "45m", "12h", "7d" or "PT1H30M"',
    "names_type": "a name or a list of names",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
}
_MISSING = {
    "provider": 'a whole file has it, one that adjusts a shipped machine has extends = "agora"',
    "title": "say what people call the provider",
    "limits": "it holds complete_within, which every machine has",
    "complete_within": "every machine has it, so that nothing can wait for ever",
    "events": "name what the provider sends, in lifecycle order",
    "regions": "a machine has at least one",
    "initial": "name the state in which the region begins",
    "transitions": "list them, each with trigger, source and dest",
    "states": "name them in lifecycle order",
    "trigger": "name an event, or a list of events",
    "source": "name a state, or a list of states",
    "dest": 'name a state, or "=" to stay',
    "meaning": "say in a few words what the code means",
    "class": f"it is one of {listed(get_args(Class))}",
}


def _wrong(found: ErrorDetails) -> str:
    """Put a fault that pydantic has found into our words."""
    kind, key, value = found["type"], str(found["loc"][-1]) if found["loc"] else "", found["input"]
    if kind == "unquoted_name":
        name = json.dumps(f"{key}.{found['ctx']['rest']}", ensure_ascii=False)
        return f"{found['ctx']['rest']!r} is a table in a table; a name with a dot is quoted: {name}"
    if kind == "missing":
        return f"is missing; {_MISSING.get(key, 'add it')}"
    if kind == "too_short":
        return "is empty; at least one is needed"
    if kind == "literal_error" and isinstance(value, str):
        return not_among(value, key, _VOCABULARIES[key])
    if kind == "value_error":
        return found["msg"].removeprefix("Value error, ")
    return f"{_given(value)} is given; {_EXPECTED.get(kind, _EXPECTED['string_type'])} is expected"
