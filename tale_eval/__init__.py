"""Token-budget-aware LLM reasoning (TALE, arXiv 2412.18547) for Inspect AI and lm-eval."""

from importlib.metadata import version

__version__ = version("tale-eval")
