"""`tale-eval model`."""

from typing import Annotated

import typer

from tale_eval.errors import check_name


def model(name: Annotated[str, typer.Argument(help="smollm2")] = "smollm2") -> None:
    """Print the local Hugging Face folder of an embedded model, making it if need be."""
    from tale_eval.models.smollm2 import model_folder

    check_name("embedded model", name, ["smollm2"])
    print(model_folder())
