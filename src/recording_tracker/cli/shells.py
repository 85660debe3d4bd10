"""Shells: how one of them takes a line apart; loaded only where a line is completed."""

from __future__ import annotations

from click.shell_completion import BashComplete, CompletionItem, add_completion_class


@add_completion_class
class ColonComplete(BashComplete):
    """
    Completion for bash, which takes words apart at colons, as those of a url, and replaces what follows the last one.

    https://tiswww.case.edu/php/chet/bash/FAQ, E13
    """

    _kept = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Put together again what was one word."""
        args, incomplete = super().get_completion_args()
        words: list[str] = []
        for word in (*args, incomplete):
            if word and words and (word.startswith(":") or words[-1].endswith(":")):
                words[-1] += word
            else:
                words.append(word)
        if words[-1] != incomplete:
            self._kept = words[-1][: words[-1].rindex(":") + 1]
        return words[:-1], words[-1]

    def format_completion(self, item: CompletionItem) -> str:
        """Leave out what stands on the line already."""
        return f"{item.type},{str(item.value).removeprefix(self._kept)}"
