"""What the user sees: a pure view model and the ways to draw it."""
