"""`python -m tale_eval`: what `accelerate launch -m tale_eval train ...` runs."""

from tale_eval.cli import main

main()
