"""Measurements that the program makes on the user's own machine."""
