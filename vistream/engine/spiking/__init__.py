"""The ST-BIF neuron as a pure function, and the T-step simulator: slow, obvious, the oracle."""

from vistream.engine.spiking.simulator import LayerSpikes, Mode, Simulator, SpikingStep

__all__ = ["LayerSpikes", "Mode", "Simulator", "SpikingStep"]
