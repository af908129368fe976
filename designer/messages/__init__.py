"""Messages as one writes them: what they weigh, what speaks against sending them, letters from Markdown."""
