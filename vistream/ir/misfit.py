"""What is raised where an operation cannot be right."""


class Misfit(ValueError):
    """An operation that contradicts itself or its sources, whatever the size of the frame."""
