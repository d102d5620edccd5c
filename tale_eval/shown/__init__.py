"""What may be shown: names without control characters, texts without keys. Pure."""
