"""What the same answers would cost on another model. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from tale_eval.errors import InvalidValueError
from tale_eval.records import Names, Record
from tale_eval.tokens.ledger import Call
from tale_eval.tokens.pricing import Prices, dollars


def project(records: Iterable[Record], model: str, prices: Prices | None = None) -> list[Record]:
    """The same records with the dollars that their token counts cost on another model.

    Everything but the dollars stays, the model's name too. All calls of a sample are
    priced as one, at today's prices, without cache discounts, and as if the other model read
    and wrote as many tokens: it has its own tokenizer and its own length of answer. Where
    several calls together are so long that one call of that length costs more, the dollars
    are not known.

    Args:
        records: What was read from the logs.
        model: An Inspect name such as "openai/gpt-4o".
        prices: A user's own prices, looked up first.

    Raises:
        InvalidValueError: If the model has no known price.
    """
    _check_known(model, prices)
    return [_project(record, model, prices) for record in records]


def projecting(
    read: Callable[[Names], Iterable[Record]], model: str, prices: Prices | None = None
) -> Callable[[Names], list[Record]]:
    """Reads the answers of one model and task as `read` does, and has them projected.

    Args:
        read: Reads them.
        model, prices: As `project` takes them.

    Raises:
        InvalidValueError: If the model has no known price.
    """
    _check_known(model, prices)
    return lambda names: project(read(names), model, prices)


def _check_known(model: str, prices: Prices | None) -> None:
    if dollars(_call(model, 1, 1), prices) is None:
        raise InvalidValueError(
            f"no price is known for {model!r}: write an Inspect name such as "
            "'openai/gpt-4o-mini', or give its prices in a file with --prices"
        )


def _project(record: Record, model: str, prices: Prices | None) -> Record:
    tokens = record.costs["input_tokens"], record.costs["output_tokens"]
    call = _call(model, *tokens).model_copy(update={"summed": record.costs["calls"] != 1})
    cost = dollars(call, prices)
    return replace(record, costs=record.costs | {"dollars": None if cost is None else float(cost)})


def _call(model: str, input_tokens: float | None, output_tokens: float | None) -> Call:
    return Call(
        purpose="answer",
        model=model,
        input_tokens=None if input_tokens is None else int(input_tokens),
        output_tokens=None if output_tokens is None else int(output_tokens),
        counted_by="provider",
    )
