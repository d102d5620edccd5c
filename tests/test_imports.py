"""What Inspect loads when it looks for our tasks: nothing heavy."""

import subprocess
import sys

HEAVY = {
    "accelerate",
    "altair",
    "datasets",
    "genai_prices",
    "huggingface_hub",
    "lm_eval",
    "math_verify",
    "numpy",
    "pandas",
    "peft",
    "pyarrow",
    "reasoning_gym",
    "scipy",
    "sympy",
    "torch",
    "transformers",
    "trl",
}


def test_the_registry_loads_no_heavy_package() -> None:
    script = "import sys, tale_eval._registry; print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in process.stdout.split()}
    assert "tale_eval" in loaded
    assert loaded & HEAVY == set()
