"""The battery of spoken-style questions: what is asked, how answers are graded, and what a model is worth."""
