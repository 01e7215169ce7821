"""What is asked: rows of context, question and answers, and the tasks that make them."""
