"""The price of the same tokens on another model."""

from dataclasses import replace

import pytest
from records import COT, answer

from tale_eval.analysis.projection import project
from tale_eval.errors import InvalidValueError
from tale_eval.tokens.pricing import Price


def test_projection_prices_the_same_tokens_on_another_model() -> None:
    prices = {"big/model": Price.model_validate({"input": 10, "output": 40})}
    record = answer("cot", "a", 1, 200, input_tokens=1000.0, dollars=0.5)
    (projected, unknown) = project([record, COT[3]], "big/model", prices)
    # 1,000 · $10 / million + 200 · $40 / million
    assert projected.costs == record.costs | {"dollars": pytest.approx(0.018)}
    assert replace(projected, costs=record.costs) == record
    assert unknown.costs["dollars"] is None


def test_projection_refuses_a_model_without_a_price() -> None:
    with pytest.raises(InvalidValueError, match="no price is known for 'hf/mine'"):
        project(COT, "hf/mine")
