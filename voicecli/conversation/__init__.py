"""What is said, by whom, when: the product itself, free of devices, models and screens."""
