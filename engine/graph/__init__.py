"""Flow documents as pure data: reading them with every problem told, their order, and what a checker finds."""
