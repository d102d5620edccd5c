"""How often a failing model call is asked again, whichever harness asks.

Inspect's own default is to ask for ever, lm_eval's to give up after three times.
"""

MAX_RETRIES = 10
"""On the Inspect side this takes some 50 minutes at most (it waits 3 seconds, then twice as
long each time, and the openai package sends each call up to three times), on lm_eval's about
a minute (1 to 10 seconds each time)."""
