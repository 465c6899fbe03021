"""What students and instructors read: scores in notebooks, HTML pages, tables, JSON."""
