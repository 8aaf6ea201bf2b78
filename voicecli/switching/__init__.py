"""What commands change in a conversation that goes on: its voice, its language model, its languages, its devices."""
