"""Collect facts about the machine, without judging them. A probe may raise anything: `examination` catches it."""
