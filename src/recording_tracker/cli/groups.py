"""Groups of commands that know what a mistyped command may have meant."""

from __future__ import annotations

import click

LONGEST_SENTENCE = 200


class Group(click.Group):
    """A group that tells what each command does in a whole sentence, and which one a mistyped one may have meant."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its first sentence, on several lines where one is too short."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(LONGEST_SENTENCE)) for name, command in found if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; raises UsageError with what may have been meant."""
        if args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            raise click.UsageError(f"no such command {args[0]!r}{self._meant(ctx, args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def _meant(self, ctx: click.Context, typed: str) -> str:
        # Loads slowly, and is for the mistyped only.
        from difflib import get_close_matches

        like = get_close_matches(typed[:100], self.list_commands(ctx), n=2)
        words = " or ".join(repr(name) for name in like)
        return f"; did you mean {words}?" if like else f"; there are {', '.join(self.list_commands(ctx))}"
