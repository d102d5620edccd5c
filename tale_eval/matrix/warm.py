"""Loaded once by the server from which the runs of a matrix are forked; they find it loaded.

What Inspect loads when it runs, and every package that brings it tasks or models. A run that
begins so takes a second of CPU time less than ours would, and four less than a fresh Python.
"""

import gc
from importlib import import_module
from importlib.metadata import entry_points

import tale_eval.matrix.cell  # noqa: F401 (the runs look it up)

_OF_A_RUN = (
    "inspect_ai.__main__",
    "inspect_ai._cli._scanner",
    "inspect_ai._control.server",
    "inspect_ai._eval.evalset",
    "inspect_ai.agent._acp.server",
    "inspect_ai.hooks._startup",
    "inspect_ai.model._providers.anthropic",
    "inspect_ai.model._providers.none",
    "inspect_ai.model._providers.openai",
    "inspect_ai.model._providers.openai_compatible",
    "openai.resources.chat.completions",
    "fastapi",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "uvicorn.lifespan.on",
    "anyio._backends._asyncio",
    "rich.markdown",
)
"""A name that is no more, or not installed, costs the runs time and nothing else."""


def _load() -> None:
    plugins = [point.module for point in entry_points(group="inspect_ai")]
    for name in (*_OF_A_RUN, *plugins):
        try:
            import_module(name)
        # a run that needs it will say what is wrong, and one that does not goes on without
        except Exception:  # noqa: BLE001
            continue


_load()
# what all runs share is not looked through by each one's collector
gc.freeze()
