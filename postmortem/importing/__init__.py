"""Pure: read a document that somebody wrote elsewhere and say what it states, where, and how surely."""
