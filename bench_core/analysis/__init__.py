"""The judging wing: from records to what they mean. It imports no framework."""
