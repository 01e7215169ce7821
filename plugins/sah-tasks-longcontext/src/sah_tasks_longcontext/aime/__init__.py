"""The American Invitational Mathematics Examination as a task."""
