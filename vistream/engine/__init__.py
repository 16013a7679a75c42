"""One integer network, three executors: the reference, the spiking simulator, the stream."""
