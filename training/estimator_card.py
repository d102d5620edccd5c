"""The card of a fitted estimator, for people. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from tale_eval.shown.names import in_markdown

PAPER = "The paper's zero-shot estimator: 60.61 % in range, 109.64 tokens beside it where outside."


def readme(card: Mapping[str, Any]) -> str:
    """The README.md of an estimator's folder."""
    return "\n".join([*_head(card), "", *_table(card), "", *_verdicts(card), "", *_tail(card), ""])


def verdicts(card: Mapping[str, Any]) -> list[str]:
    """Against each of the others: whether the estimator is shown to be better."""
    name = card["estimator"]
    return [
        f"{name} is {said['verdict']} than {other}: its distance to W* is "
        f"{_ratio(said['distance'])} times as large, {_points(said['in_range'])} points more of "
        f"its estimates lie in W*, and it takes {_ratio(said['expense'])} times the tokens where "
        f"lost answers are asked for again ({said['questions']} questions)"
        for other, said in card["validation"]["against"].items()
    ] + [
        f"{other}: none of its estimates of solved questions could be read"
        for other in card["validation"]["without"]
    ]


def _head(card: Mapping[str, Any]) -> Iterator[str]:
    counts = card["questions"]
    parts = ", ".join(f"{key}={value}" for key, value in card["parameters"].items())
    yield f"# Budget estimator {card['estimator']} for {in_markdown(card['model'])}"
    yield ""
    yield "How many tokens a question needs, learnt from budget searches by tale-eval. Use it as"
    yield "`tale_ep:estimator=FOLDER`. It fits this model and questions like these."
    yield ""
    yield f"- parameters: {in_markdown(parts)}"
    if "quantile" in card:
        yield f"- quantile of the needs that it aims at: {card['quantile']:g}"
    yield f"- tasks: {', '.join(map(in_markdown, card['tasks']))}"
    yield f"- searched by: {', '.join(map(in_markdown, card['searches']))}"
    settings = "; ".join(filter(None, card.get("settings", []))) or "the provider's"
    yield f"- at the settings: {in_markdown(settings)}"
    yield f"- logs: {', '.join(map(in_markdown, card.get('logs', [])))}"
    against = ", ".join(map(in_markdown, card.get("against", []))) or "nothing"
    yield f"- kept out: {against} ({card.get('held_out', 0)} questions)"
    yield (
        f"- questions: {counts['searched']} searched, {counts['not_solved']} that vanilla CoT does "
        f"not solve, {counts['fitted']} fitted"
    )
    for why, count in counts["left_out"].items():
        yield f"- left out: {count} {why}"
    yield f"- hash: {card['sha256']}"
    yield f"- versions: {', '.join(f'{k} {v}' for k, v in card['versions'].items())}"


def _table(card: Mapping[str, Any]) -> Iterator[str]:
    folds = card["validation"]["folds"]
    how = f"{folds}-fold cross-validation" if folds else "the very questions: a ceiling"
    yield f"## Quality ({how}; 95 % intervals)"
    yield ""
    yield (
        "| | in W*, % | distance to W* | of those outside | mean estimate | mean need | need "
        "covered, % | kept right, % | of vanilla's tokens, % | saved | tokens, lost ones again |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    for name, score in card["validation"]["scores"].items():
        cells = (
            _interval(score["in_range"], 100),
            _interval(score["distance"]),
            _number(score["quality"]["mean_distance_outside"]),
            _number(score["estimated"]),
            _number(score["needed"]),
            _interval(score["covered"], 100),
            _interval(score["right"], 100),
            _interval(score["tokens"], 100),
            _number(score["saved"]),
            _interval(score["expense"]),
        )
        yield f"| {in_markdown(name)} | {' | '.join(cells)} |"
    yield ""
    yield (
        "W* and the need are the search's; right and tokens are what the nearest trial of the "
        "search says of the estimate."
    )
    yield PAPER
    own = next(iter(card["validation"]["scores"].values()))["quality"]
    if not own["comparable"]:
        yield (
            f"Not comparable with these: {own['median_trials']:g} right budgets stand behind a W*, "
            "and below 6 it is a single number."
        )


def _verdicts(card: Mapping[str, Any]) -> Iterator[str]:
    for line in verdicts(card):
        yield f"- {in_markdown(line)}"


def _tail(card: Mapping[str, Any]) -> Iterator[str]:
    said = card["validation"]["calibration"]
    yield "## Chances to be right (for `tale-eval allocate`)"
    yield ""
    yield f"Mean squared error {said['brier']:.3f}, on questions that were held out."
    yield ""
    yield "| predictions | mean chance | right |"
    yield "|---:|---:|---:|"
    for n, chance, right in said["bins"]:
        yield f"| {n} | {chance:.2f} | {right:.2f} |"


def _interval(found: Mapping[str, Any] | None, scale: float = 1) -> str:
    if found is None:
        return "–"
    value, ends = found["value"], found["interval"]
    if ends is None:
        return f"{scale * value:.1f}"
    return f"{scale * value:.1f} [{scale * ends['low']:.1f}, {scale * ends['high']:.1f}]"


def _ratio(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "an unknown number of"
    ends = found["interval"]
    beside = f" [{ends['low']:.3f}, {ends['high']:.3f}]" if ends else ""
    return f"{found['value']:.3f}{beside}"


def _points(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "an unknown number of"
    ends = found["interval"]
    beside = f" [{100 * ends['low']:+.1f}, {100 * ends['high']:+.1f}]" if ends else ""
    return f"{100 * found['value']:+.1f}{beside}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
