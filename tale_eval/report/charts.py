"""What all charts share: Altair, one specification for SVG, PNG, HTML and JSON, and how it gets
into an HTML file that runs no other script and asks no server."""

import hashlib
import json
import warnings
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tale_eval.errors import InvalidValueError, MissingExtraError
from tale_eval.report.tables import SURROGATES

if TYPE_CHECKING:
    import altair

SHOWN_MODEL = "shown_model"
"""Name of a panel's parameter: the one model it shows, or "" for all of them."""

FORMATS = (".svg", ".pdf", ".png", ".html", ".json")

_DRAW = """vegaEmbed(
  "#chart", JSON.parse(document.getElementById("specification").textContent),
  { mode: "vega-lite", ast: true, renderer: "svg" });"""


def check_format(path: Path) -> None:
    """Check that a chart can be written into a file of this name.

    Raises:
        InvalidValueError: If the name ends otherwise.
    """
    if path.suffix not in FORMATS:
        raise InvalidValueError(f"{path}: a chart ends in one of {', '.join(FORMATS)}")


def save_chart(
    chart: "altair.LayerChart | altair.VConcatChart | altair.FacetChart", path: Path
) -> None:
    """Write a chart as .svg, .pdf, .png, .html (interactive, works offline) or .json.

    Raises:
        InvalidValueError: If the name ends otherwise.
    """
    check_format(path)
    if path.suffix == ".html":
        path.write_text(_page(chart), encoding="utf-8", errors=SURROGATES)
        return
    # a lone surrogate in a name is no text that a renderer takes
    text = json.dumps(chart.to_dict(), ensure_ascii=False)
    text = text.encode("utf-8", errors="replace").decode("utf-8")
    type(chart).from_json(text).save(str(path), ppi=144)


def load_altair() -> Any:
    """Altair, or the error that says how to install it."""
    try:
        import altair
        import vl_convert  # noqa: F401  (what writes SVG and PNG, and holds the scripts)
    except ImportError as error:
        raise MissingExtraError("a chart", "report") from error
    return altair


def specification(chart: Any) -> str:
    """A chart as JSON that cannot end the script element it stands in."""
    # validating each panel of a page takes longer than all the rest of it
    content = chart.to_dict(validate=False)
    del content["$schema"]  # the libraries beside it are of one version
    text = json.dumps(content, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def vega_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed, of the version that Altair writes for."""
    altair = load_altair()
    import vl_convert

    major_minor = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    bundle: str = vl_convert.javascript_bundle(
        "window.vegaEmbed = vegaEmbed;", vl_version=major_minor
    )
    assert "</script" not in bundle
    return bundle


def security_policy(scripts: Sequence[str]) -> str:
    """A page's content security policy: no request, and no script but these."""
    hashes = [b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src {allowed or repr('none')}"
    )


def model_panel(layers: "altair.LayerChart", values: list[dict[str, Any]]) -> "altair.LayerChart":
    """Give the layers their data, all of it or one model's."""
    alt = load_altair()
    panel: altair.LayerChart = (
        layers.properties(data=alt.Data(values=values), width=560)
        .add_params(alt.param(name=SHOWN_MODEL, value=""))
        .transform_filter(f"{SHOWN_MODEL} === '' || datum.model === {SHOWN_MODEL}")
    )
    return panel


def method_color(methods: list[str]) -> Any:
    """A colour for each of these, the same in all panels."""
    alt = load_altair()
    scale = alt.Scale(domain=methods, scheme="tableau10")
    return alt.Color("method:N", scale=scale, title="method", legend=wide_legend())


def wide_legend(**symbol: str) -> Any:
    """A legend below the panel."""
    alt = load_altair()
    # as many columns as there is room for
    columns = alt.expr("max(1, floor(width / 150))")
    place = {"orient": "bottom", "direction": "horizontal", "titleOrient": "left"}
    return alt.Legend(**place, columns=columns, labelLimit=150, symbolOpacity=1, **symbol)


def value_scale(values: list[dict[str, Any]], *fields: str, log: bool = False) -> Any:
    """From the lowest to the highest value, whichever model is shown.

    Logarithmic only where every value is above 0.
    """
    shown = [value[field] for value in values for field in fields if field in value]
    domain = [min(shown), max(shown)]
    kind = "log" if log and domain[0] > 0 else "linear"
    return load_altair().Scale(type=kind, domain=domain, nice=False, padding=20)


def stacked_panels(panels: "dict[str, altair.LayerChart]") -> "altair.VConcatChart":
    """The panels below each other, under their names."""
    alt = load_altair()
    titled = [panel.properties(title=task) for task, panel in panels.items()]
    with warnings.catch_warnings():
        # a click on the one legend is meant for all panels
        warnings.filterwarnings("ignore", "Automatically deduplicated selection parameter")
        stacked: altair.VConcatChart = alt.vconcat(*titled)
    return stacked


def _page(chart: Any) -> str:
    scripts = [vega_bundle(), _DRAW]
    elements = "".join(f"<script>{script}</script>\n" for script in scripts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{security_policy(scripts)}">\n'
        '<title>Chart</title>\n<link rel="icon" href="data:,">\n</head>\n<body>\n'
        '<div id="chart"></div>\n'
        f'<script type="application/json" id="specification">{specification(chart)}</script>\n'
        f"{elements}</body>\n</html>\n"
    )
