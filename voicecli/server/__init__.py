"""The engines as servers: each module builds an application over engines that are loaded already."""
