"""From records to figures: intervals, comparisons, leaderboards, elasticity. Pure."""
