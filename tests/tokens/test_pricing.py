"""Dollars, worked by hand; an unknown price is an unknown cost."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tale_eval.errors import InvalidValueError, SourceError
from tale_eval.tokens.ledger import Call
from tale_eval.tokens.pricing import (
    ListedPrice,
    Price,
    dollars,
    listed_price,
    price_list,
    price_list_day,
    priced_by,
    read_prices,
    total_dollars,
)


def call(model: str, input_tokens: int | None, output_tokens: int | None, **more: Any) -> Call:
    return Call(
        purpose="answer",
        model=model,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        counted_by="provider",
        **more,
    )


def price(**dollars_per_million: str) -> Price:
    return Price.model_validate(dollars_per_million)


def test_a_price_with_cached_tokens_worked_by_hand() -> None:
    full = price(input="3", output="15", cache_read="0.3", cache_write="3.75")
    cached = call("m", 1000, 200, cache_read_tokens=400, cache_write_tokens=100)
    # 500 fresh x 3 + 400 read x 0.3 + 100 written x 3.75 + 200 x 15 = 4,995 millionths
    assert full.dollars(cached) == Decimal("0.004995")


def test_cached_tokens_cost_the_input_price_unless_theirs_is_given() -> None:
    cached = call("m", 1000, 200, cache_read_tokens=400, cache_write_tokens=100)
    assert price(input="3", output="15").dollars(cached) == Decimal("0.006")


def test_reasoning_is_paid_as_output_and_only_once() -> None:
    thought = call("m", 0, 200, reasoning_tokens=150)
    assert price(input="3", output="15").dollars(thought) == Decimal("0.003")


@pytest.mark.parametrize(
    ("model", "cached", "expected"),
    [
        # per million: 0.15 in, 0.6 out, 0.075 cached
        ("openai/gpt-4o-mini", {}, "0.00027"),
        ("openai/gpt-4o-mini", {"cache_read_tokens": 400}, "0.00024"),
        # per million: 3 in, 15 out, 0.3 cache read, 3.75 cache written
        ("anthropic/claude-sonnet-4-0", {}, "0.006"),
        (
            "anthropic/claude-sonnet-4-0",
            {"cache_read_tokens": 400, "cache_write_tokens": 100},
            "0.004995",
        ),
        # resellers list the maker's name too
        ("openrouter/openai/gpt-4o-mini", {}, "0.00027"),
    ],
)
def test_listed_prices_worked_by_hand(model: str, cached: dict[str, int], expected: str) -> None:
    assert dollars(call(model, 1000, 200, **cached)) == Decimal(expected)


@pytest.mark.parametrize(
    "model",
    [
        "openai/no-such-model",
        "no-such-provider/gpt-4o-mini",
        "gpt-4o-mini",
        # on one's own machine, whatever its name
        "hf/gpt-4o-mini",
        "vllm/meta-llama/Llama-3.1-8B-Instruct",
        "ollama/gpt-4o-mini",
        "openai-api/loop/gpt-4o-mini",
        "mockllm/model",
    ],
)
def test_an_unknown_price_is_an_unknown_cost(model: str) -> None:
    assert dollars(call(model, 1000, 200)) is None


@pytest.mark.parametrize(("input_tokens", "output_tokens"), [(None, 200), (1000, None)])
def test_unknown_tokens_are_an_unknown_cost(
    input_tokens: int | None, output_tokens: int | None
) -> None:
    unknown = call("openai/gpt-4o-mini", input_tokens, output_tokens)
    assert dollars(unknown) is None
    assert dollars(unknown, {"openai/gpt-4o-mini": price(input="1", output="1")}) is None


def test_a_users_price_comes_before_the_listed_one() -> None:
    prices = {
        "openai/gpt-4o-mini": price(input="1", output="1"),
        "hf/m": price(input="0", output="0"),
    }
    assert dollars(call("openai/gpt-4o-mini", 1000, 200), prices) == Decimal("0.0012")
    assert dollars(call("hf/m", 1000, 200), prices) == 0
    assert dollars(call("openai/gpt-4o", 1000, 200), prices) == Decimal("0.0045")


# --- what a price depends on beside the model ---


@pytest.mark.parametrize(
    ("model", "settings", "expected"),
    [
        # half of 2 in and 8 out a million
        ("openai/o3", {"batch": True}, "0.0018"),
        ("openai/o3", {"service_tier": "flex"}, "0.0018"),
        ("openai/o3", {"service_tier": "default"}, "0.0036"),
        ("openai/o3", {"service_tier": "standard_only"}, "0.0036"),
        # half of 0.3 in and 2.5 out
        ("google/gemini-2.5-flash", {"batch": True}, "0.0004"),
        # no batch or flex price is listed: the usual one would be a guess
        ("anthropic/claude-sonnet-4-0", {"batch": True}, None),
        ("openai/gpt-4o-mini", {"service_tier": "flex"}, None),
        # nor of this day, from before the list began to hold them
        ("openai/o3", {"batch": True, "at": datetime(2026, 3, 1, tzinfo=UTC)}, None),
    ],
)
def test_a_batch_and_a_tier_have_prices_of_their_own(
    model: str, settings: dict[str, Any], expected: str | None
) -> None:
    known = dollars(call(model, 1000, 200, **{"at": datetime(2026, 11, 2, tzinfo=UTC)} | settings))
    assert known == (None if expected is None else Decimal(expected))


NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("model", "read", "written", "settings", "expected"),
    [
        # 2.50 in, 0.25 cached, 15 out a million; above 272,000 tokens read 5, 0.50 and 22.50
        ("openai/gpt-5.4", 1000, 200, {}, "0.0055"),
        # 600 x 2.50 + 400 x 0.25 + 200 x 15 = 1,500 + 100 + 3,000
        ("openai/gpt-5.4", 1000, 200, {"cache_read_tokens": 400}, "0.0046"),
        ("openai/gpt-5.4", 1000, 200, {"batch": True}, "0.00275"),
        ("openai/gpt-5.4", 1000, 200, {"service_tier": "flex"}, "0.00275"),
        # 600 x 1.25 + 400 x 0.13 + 200 x 7.50 = 750 + 52 + 1,500
        ("openai/gpt-5.4", 1000, 200, {"batch": True, "cache_read_tokens": 400}, "0.002302"),
        # 272,000 x 2.50 + 1,000 x 15, and of one token more 272,001 x 5 + 1,000 x 22.50
        ("openai/gpt-5.4", 272_000, 1000, {}, "0.695"),
        ("openai/gpt-5.4", 272_001, 1000, {}, "1.382505"),
        # half of 300,000 x 5 + 1,000 x 22.50
        ("openai/gpt-5.4", 300_000, 1000, {"service_tier": "flex"}, "0.76125"),
        # 3 in, 0.30 cached, 3.75 to the cache, 15 out; above 200,000 twice that, 22.50 out
        (
            "anthropic/claude-sonnet-4-5",
            1000,
            200,
            # 500 x 3 + 400 x 0.30 + 100 x 3.75 + 200 x 15 = 1,500 + 120 + 375 + 3,000
            {"cache_read_tokens": 400, "cache_write_tokens": 100},
            "0.004995",
        ),
        # 600 x 1.50 + 400 x 0.15 + 200 x 7.50 = 900 + 60 + 1,500
        (
            "anthropic/claude-sonnet-4-5",
            1000,
            200,
            {"batch": True, "cache_read_tokens": 400},
            "0.00246",
        ),
        # 300,000 x 6 + 1,000 x 22.50, and half of it
        ("anthropic/claude-sonnet-4-5", 300_000, 1000, {}, "1.8225"),
        ("anthropic/claude-sonnet-4-5", 300_000, 1000, {"batch": True}, "0.91125"),
        # 1.25 in, 0.125 cached, 10 out; above 200,000 read 2.50, 0.25 and 15
        ("google/gemini-2.5-pro", 1000, 200, {"cache_read_tokens": 400}, "0.0028"),
        ("google/gemini-2.5-pro", 1000, 200, {"batch": True}, "0.001625"),
        # 200,000 x 2.50 + 100,000 x 0.25 + 1,000 x 15 = 500,000 + 25,000 + 15,000
        ("google/gemini-2.5-pro", 300_000, 1000, {"cache_read_tokens": 100_000}, "0.54"),
        # 300,000 x 1.25 + 1,000 x 7.50
        ("google/gemini-2.5-pro", 300_000, 1000, {"batch": True}, "0.3825"),
        # 0.20 in, 0.05 cached, 0.50 out, however long; no batch is listed
        ("grok/grok-4-fast", 1000, 200, {"cache_read_tokens": 400}, "0.00024"),
        ("grok/grok-4-fast", 300_000, 1000, {}, "0.0605"),
        ("grok/grok-4-fast", 1000, 200, {"batch": True}, None),
        # 0.15 in, 0.075 cached, 0.60 out; in a batch half, and nothing less for cached tokens
        ("groq/openai/gpt-oss-120b", 1000, 200, {"cache_read_tokens": 400}, "0.00024"),
        ("groq/openai/gpt-oss-120b", 1000, 200, {"batch": True}, "0.000135"),
        (
            "groq/openai/gpt-oss-120b",
            1000,
            200,
            {"batch": True, "cache_read_tokens": 400},
            "0.000135",
        ),
        # 0.27 in, 0.07 cached, 1.10 out by day
        ("deepseek/deepseek-chat", 1000, 200, {"cache_read_tokens": 400}, "0.00041"),
    ],
)
def test_batch_flex_cached_and_long_calls_of_six_providers_worked_by_hand(
    model: str, read: int, written: int, settings: dict[str, Any], expected: str | None
) -> None:
    cost = dollars(call(model, read, written, at=NOON, **settings))
    assert cost == (None if expected is None else Decimal(expected))


def test_the_prices_of_a_model_and_of_its_long_calls() -> None:
    found = listed_price("anthropic/claude-sonnet-4-5", at=NOON)
    assert found == ListedPrice(
        price(input="3", output="15", cache_read="0.3", cache_write="3.75"),
        200_000,
        price(input="6", output="22.5", cache_read="0.6", cache_write="7.5"),
    )
    half = listed_price("anthropic/claude-sonnet-4-5", batch=True, at=NOON)
    assert half is not None
    assert half.price == price(input="1.5", output="7.5", cache_read="0.15", cache_write="1.875")


def test_a_models_price_is_a_users_own_first_and_unknown_where_nobody_lists_it() -> None:
    own = {"hf/m": price(input="1", output="2", cache_read="0")}
    assert listed_price("hf/m", own) == ListedPrice(
        price(input="1", output="2", cache_read="0", cache_write="1")
    )
    assert listed_price("hf/m") is None
    assert listed_price("deepseek/deepseek-chat", batch=True) is None


def test_the_lists_date_is_that_of_its_last_change() -> None:
    # flex prices came on the 12th, batch prices on the 14th of October 2026
    assert date(2026, 10, 14) <= price_list_day() <= datetime.now(UTC).date()
    assert priced_by() == f"{price_list()}, with changes up to {price_list_day()}"


@pytest.mark.parametrize(
    ("hour", "expected"),
    # 0.27 in and 1.10 out a million by day, half of that by night
    [(3, "0.00098"), (16, "0.00098"), (18, "0.00049"), (23, "0.00049")],
)
def test_the_price_is_that_of_the_hour_of_the_call(hour: int, expected: str) -> None:
    at = datetime(2025, 7, 1, hour, tzinfo=UTC)
    assert dollars(call("deepseek/deepseek-chat", 2000, 400, at=at)) == Decimal(expected)


def test_a_long_input_costs_more_in_one_call_and_not_in_many() -> None:
    """Of this model, up to 200,000 tokens 3 in and 15 out a million, above that 6 and 22.50."""
    model = "anthropic/claude-sonnet-4-5"
    each = call(model, 20_000, 100)
    assert total_dollars([each] * 15) == 15 * (20_000 * 3 + 100 * 15) / Decimal(1_000_000)
    long = call(model, 300_000, 1500)
    assert dollars(long) == Decimal("1.83375")
    # added up, nobody knows which: 15 calls or one
    assert dollars(long.model_copy(update={"summed": True})) is None
    short = call(model, 190_000, 1500)
    assert dollars(short.model_copy(update={"summed": True})) == dollars(short)


def test_more_cached_tokens_than_input_is_an_unknown_cost_and_no_error() -> None:
    odd = call("openai/gpt-4o-mini", 1000, 200, cache_read_tokens=1500)
    assert dollars(odd) is None
    assert dollars(odd, {"openai/gpt-4o-mini": price(input="1", output="1")}) is None


def test_a_total_is_known_only_if_every_part_is() -> None:
    mini = call("openai/gpt-4o-mini", 1000, 200)
    assert total_dollars([mini, mini]) == Decimal("0.00054")
    assert total_dollars([mini, call("hf/m", 1000, 200)]) is None
    assert total_dollars([]) == 0


def test_a_price_file(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(
        '{"hf/m": {"input": 0.1, "output": 3}, "x/y": {"input": 1, "output": 2, "cache_read": 0}}'
    )
    prices = read_prices(path)
    # exact: as floats, three times 0.1 is not 0.3
    assert prices["hf/m"] == price(input="0.1", output="3")
    assert prices["x/y"] == price(input="1", output="2", cache_read="0")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{\n"m": {', "prices.json:2: Expecting"),
        ("[]", "prices.json: the whole: Input should be a valid dictionary"),
        ('{"m": 3}', "prices.json: m: Input should be a valid dictionary"),
        ('{"m": {"input": 1}}', "prices.json: m.output: Field required"),
        ('{"m": {"input": -1, "output": 1}}', "prices.json: m.input: Input should be greater"),
        ('{"m": {"input": NaN, "output": 1}}', "prices.json: m.input: Input should be a finite"),
        ('{"m": {"input": "free", "output": 1}}', "prices.json: m.input: Input should be a valid"),
        (
            '{"m": {"input": 1, "output": 1, "cached": 1}}',
            "prices.json: m.cached: Extra inputs are not permitted",
        ),
    ],
)
def test_a_bad_price_file_is_named_with_its_model_and_field(
    tmp_path: Path, content: str, problem: str
) -> None:
    path = tmp_path / "prices.json"
    path.write_text(content)
    with pytest.raises(InvalidValueError) as raised:
        read_prices(path)
    assert problem in str(raised.value)


def test_a_price_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidValueError, match="not UTF-8"):
        read_prices(path)


def test_a_missing_price_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.json: No such file"):
        read_prices(tmp_path / "none.json")
