"""What all charts share: Altair, and one specification for SVG, PNG, HTML and JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tale_eval.errors import InvalidValueError, MissingExtraError

if TYPE_CHECKING:
    import altair

FORMATS = (".svg", ".png", ".html", ".json")


def save_chart(chart: "altair.LayerChart | altair.VConcatChart", path: Path) -> None:
    """Write a chart as .svg, .png, .html (interactive, works offline) or .json.

    Raises:
        InvalidValueError: If the name ends otherwise.
    """
    if path.suffix not in FORMATS:
        raise InvalidValueError(f"{path}: a chart ends in one of {', '.join(FORMATS)}")
    # inline: an HTML chart opens without a network
    arguments: dict[str, Any] = {"inline": True} if path.suffix == ".html" else {"ppi": 144}
    chart.save(str(path), **arguments)


def load_altair() -> Any:
    """Altair, or the error that says how to install it."""
    try:
        import altair
        import vl_convert  # noqa: F401  (what writes SVG, PNG and offline HTML)
    except ImportError as error:
        raise MissingExtraError("a chart", "report") from error
    return altair
