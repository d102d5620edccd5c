"""Local models and adapters, and the embedded model."""
