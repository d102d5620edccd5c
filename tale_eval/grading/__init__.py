"""Judging a reply: the final answer, what it says, and whether it is right."""
