"""`tale-eval prices`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tale_eval.cli.output import console, note, write_files
from tale_eval.errors import InvalidValueError

if TYPE_CHECKING:
    from tale_eval.tokens.pricing import ListedPrice


def prices(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Such as openai/gpt-4o-mini")
    ],
    for_inspect: Annotated[
        Path | None,
        typer.Option(help="Write the file that Inspect's --model-cost-config takes"),
    ] = None,
    batch: Annotated[bool, typer.Option("--batch", help="Of the provider's batch API")] = False,
    service_tier: Annotated[
        str | None, typer.Option(help="Of a provider's tier, such as flex")
    ] = None,
    day: Annotated[
        str | None, typer.Option(help="The prices of this day, as 2026-11-02; by default today's")
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(help="Your prices, which come first: a JSON file")
    ] = None,
) -> None:
    """Show what models cost, and make Inspect's --cost-limit work."""
    from tale_eval.report.prices import price_table
    from tale_eval.report.tables import write_json
    from tale_eval.tokens.pricing import listed_price, priced_by, read_prices

    own = read_prices(prices) if prices else None
    at = _moment(day) if day else None
    known = {}
    for model in dict.fromkeys(models):
        found = listed_price(model, own, batch=batch, service_tier=service_tier, at=at)
        if found is None:
            note([f"{model}: no price is known{_place(batch, service_tier)}; --prices takes yours"])
        else:
            known[model] = found
    if not known:
        raise InvalidValueError("no price is known of any of these models")
    console().print(price_table(known))
    print(f"{'yours, else ' if own else ''}{priced_by()}{f'; as of {day}' if day else ''}")
    if for_inspect is not None:
        table = _for_inspect(known)
        write_files((for_inspect, lambda path: write_json(table, path)))
        print(f"inspect eval TASK --model-cost-config {for_inspect} --cost-limit DOLLARS_A_SAMPLE")


def _moment(day: str) -> datetime:
    try:
        # noon: some prices are those of the night
        return datetime.strptime(day, "%Y-%m-%d").replace(hour=12, tzinfo=UTC)
    except ValueError as error:
        raise InvalidValueError(f"--day {day}: write it as 2026-11-02") from error


def _place(batch: bool, service_tier: str | None) -> str:
    tier = f" in the tier {service_tier}" if service_tier else ""
    return f"{' in a batch' if batch else ''}{tier}"


def _for_inspect(known: "dict[str, ListedPrice]") -> dict[str, dict[str, float]]:
    """What Inspect takes: models that it knows, and one price for calls of any length."""
    from inspect_ai.model import get_model_info

    unknown = [model for model in known if get_model_info(model) is None]
    if unknown:
        note(
            [
                f"{', '.join(unknown)}: unknown to Inspect, which would refuse the whole file, and "
                "so left out; in Python, inspect_ai.model.set_model_info makes a model known"
            ]
        )
    tiered = [model for model, found in known.items() if found.long_from and model not in unknown]
    if tiered:
        note(
            [
                f"{', '.join(tiered)}: long calls cost more, which Inspect cannot be told; it "
                "takes them for cheaper than they are"
            ]
        )
    if len(unknown) == len(known):
        raise InvalidValueError("Inspect knows none of these models: nothing to write")
    return {
        model: {
            "input": float(found.price.input),
            "output": float(found.price.output),
            "input_cache_write": float(_or_input(found, "cache_write")),
            "input_cache_read": float(_or_input(found, "cache_read")),
        }
        for model, found in known.items()
        if model not in unknown
    }


def _or_input(found: "ListedPrice", name: str) -> float:
    value = getattr(found.price, name)
    return float(found.price.input if value is None else value)
