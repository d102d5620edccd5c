"""By which prices dollars were worked out. Pure."""

from collections.abc import Iterable, Sequence

from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.records import RunSettings


def price_notes(
    rows: Iterable[LeaderboardRow], settings: Iterable[RunSettings], own: Sequence[str] = ()
) -> list[str]:
    """A sentence on the prices behind a table; none where no listed price is behind it.

    Args:
        rows: Of the table.
        settings: How its logs came to be.
        own: The models whose prices are the user's own.
    """
    # lm-eval's models are marked in tables
    models = {row.model.removesuffix(" (lm-eval)") for row in rows if row.dollars_known}
    if models <= set(own):
        return []
    days = sorted(
        {str(day) for run in settings if (day := run.values.get("prices", {}).get("day"))}
    )
    if not days:
        return []
    listed = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    but = f", of {', '.join(own)} your own" if own else ""
    return [f"dollars: the list prices of the day of each call, {listed} (genai-prices){but}"]
