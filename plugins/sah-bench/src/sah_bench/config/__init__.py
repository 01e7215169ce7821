"""A benchmark's config file: models, attention, tasks, and how they are crossed."""
