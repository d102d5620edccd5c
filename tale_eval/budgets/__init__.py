"""Token budgets: read from a reply, estimated, searched, and what a search says of elasticity."""
