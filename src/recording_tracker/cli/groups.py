"""Groups of commands that know what a mistyped command may have meant."""

from __future__ import annotations

from difflib import get_close_matches

import click


class Group(click.Group):
    """A group that answers a mistyped command with those that are like it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; raises UsageError with what may have been meant."""
        if args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            raise click.UsageError(f"no such command {args[0]!r}{self._meant(ctx, args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def _meant(self, ctx: click.Context, typed: str) -> str:
        like = get_close_matches(typed[:100], self.list_commands(ctx), n=2)
        words = " or ".join(repr(name) for name in like)
        return f"; did you mean {words}?" if like else f"; there are {', '.join(self.list_commands(ctx))}"
