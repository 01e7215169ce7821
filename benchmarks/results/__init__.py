"""What a benchmark leaves behind: rows in a JSON file, and a page and plots made from it."""
