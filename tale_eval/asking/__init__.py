"""Putting a question into words: prompts, arguments, and methods as values. Pure."""
