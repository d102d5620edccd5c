"""Inspect's side: asking a model, writing down what it cost, scoring, reading logs."""
