"""What a question cost: the ledger of its calls, their tokens and their dollars. Pure."""
