"""Machines: a folder of files in, for each provider a Machine that the fold can ask."""

from recording_tracker.machine.definition import Code
from recording_tracker.machine.files import find_machines, load_machine, shipped_folder
from recording_tracker.machine.table import Machine, Move, Region, Situation

__all__ = ["Code", "Machine", "Move", "Region", "Situation", "find_machines", "load_machine", "shipped_folder"]
