"""What came out: tables, plots, a page, and files to take away."""
