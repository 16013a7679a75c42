"""The ST-BIF neuron as a pure function, and the T-step simulator: slow, obvious, the oracle."""
