"""The defaults that both harnesses share."""

MAX_RETRIES = 10
"""How often a failing model call is asked again, whichever harness asks. Inspect's own default
is to ask for ever, lm_eval's to give up after three times.

On the Inspect side this takes some 50 minutes at most (it waits 3 seconds, then twice as
long each time, and the openai package sends each call up to three times), on lm_eval's about
a minute (1 to 10 seconds each time)."""

ESTIMATE_MAX_TOKENS = 1024
"""Cap on an estimate, as in the paper's released code: a model that reasons before it speaks
says nothing within a smaller one, and is paid all the same."""

ESTIMATOR_ROLE = "estimator"
"""The model role of the budget estimator: ``--model-role estimator=MODEL``."""
