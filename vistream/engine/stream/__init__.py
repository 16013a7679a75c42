"""The event-driven engine: plan, state, step, kernels. Fast, and equal to the reference."""
