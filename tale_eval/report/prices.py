"""The table of `tale-eval prices`."""

from collections.abc import Mapping

from rich.markup import escape
from rich.table import Table

from tale_eval.report.terminal import NOTHING, plain_table
from tale_eval.shown.names import visible
from tale_eval.tokens.pricing import ListedPrice, Price

_COLUMNS = ("input", "cached\nread", "cached\nwritten", "output")


def price_table(known: Mapping[str, ListedPrice]) -> Table:
    """A line for each model, and one more for its long calls, in dollars per million tokens."""
    table = plain_table("$ per million tokens", numbers=_COLUMNS)
    for model, found in known.items():
        table.add_row(escape(visible(model)), *_amounts(found.price))
        if found.long_price is not None:
            above = f"  a call above {found.long_from:,} input tokens"
            table.add_row(above, *_amounts(found.long_price))
    return table


def _amounts(price: Price) -> list[str]:
    values = (price.input, price.cache_read, price.cache_write, price.output)
    return [NOTHING if value is None else f"{value.normalize():f}" for value in values]
