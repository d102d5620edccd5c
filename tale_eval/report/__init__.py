"""What is shown: the leaderboard table."""
